%% SPDX-License-Identifier: Apache-2.0
%% Calls by gen_server:call with a time-out, and how soon it notices that the server is gone.
-module(bench_calls).
-behaviour(gen_server).
-export([one/0, many/0, dead/0, crash/0, killed/0, blocking/0]).
-export([init/1, handle_call/3, handle_cast/2]).
-import(bench_util, [n/0, figure/2, rate/2, equal/3, report/3]).

init(State) -> {ok, State}.

handle_call({inc, N}, _, {Calls, Sum}) -> {reply, N + 1, {Calls + 1, Sum + N}};
handle_call(totals, _, State) -> {reply, State, State};
handle_call({nap, N}, _, {Calls, Sum}) -> timer:sleep(1), {reply, N + 1, {Calls + 1, Sum + N}};
handle_call(crash, _, _) -> error(crash_in_the_call);
handle_call({postpone, Tell}, _, State) -> Tell ! waiting, {noreply, State}.

handle_cast('end', State) -> {stop, normal, State}.

start() ->
    {ok, Pid} = gen_server:start(?MODULE, {0, 0}, []),
    Pid.

one() -> callers(1).
many() -> callers(64).

callers(Callers) ->
    Each = n() div Callers,
    Server = start(),
    Me = self(),
    Start = erlang:monotonic_time(),
    [spawn_link(fun() -> ask(0, Each, Server), Me ! asked end) || _ <- lists:seq(1, Callers)],
    [receive asked -> ok end || _ <- lists:seq(1, Callers)],
    rate(Each * Callers, Start),
    {Calls, Sum} = gen_server:call(Server, totals),
    equal(calls, Calls, Each * Callers),
    equal(sum, Sum, Callers * (Each * (Each - 1) div 2)).

ask(N, N, _) -> ok;
ask(I, N, Server) ->
    Next = I + 1,
    Next = gen_server:call(Server, {inc, I}, 5000),
    ask(Next, N, Server).

us(Start) -> erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond).

dead() ->
    report("", [begin
                    Server = start(),
                    Ref = monitor(process, Server),
                    gen_server:cast(Server, 'end'),
                    receive {'DOWN', Ref, _, _, _} -> ok end,
                    Start = erlang:monotonic_time(),
                    {'EXIT', {noproc, _}} = (catch gen_server:call(Server, crash, 5000)),
                    us(Start)
                end || _ <- lists:seq(1, n())], 1000).

crash() ->
    report("", [begin
                    Server = start(),
                    Start = erlang:monotonic_time(),
                    {'EXIT', {{crash_in_the_call, _}, _}} = (catch gen_server:call(Server, crash, 5000)),
                    us(Start)
                end || _ <- lists:seq(1, n())], 1000).

killed() ->
    Me = self(),
    report("", [begin
                    Server = start(),
                    spawn_link(fun() ->
                                       {'EXIT', {killed, _}} = (catch gen_server:call(Server, {postpone, Me}, 5000)),
                                       Me ! {ended, erlang:monotonic_time()}
                               end),
                    receive waiting -> ok end,
                    erlang:yield(),
                    Start = erlang:monotonic_time(),
                    exit(Server, kill),
                    receive {ended, At} -> erlang:convert_time_unit(At - Start, native, nanosecond) end
                end || _ <- lists:seq(1, n())], 1000).

%% Four that call a fifth, which sleeps for 1 ms.
blocking() ->
    Each = n() div 4,
    Server = start(),
    Me = self(),
    Start = erlang:monotonic_time(),
    [spawn_link(fun() -> Me ! {took, nap(0, Each, Server, [])} end) || _ <- lists:seq(1, 4)],
    Took = lists:append([receive {took, T} -> T end || _ <- lists:seq(1, 4)]),
    rate(Each * 4, Start),
    figure(timeouts, 0), % one would have been an exit
    {Calls, Sum} = gen_server:call(Server, totals),
    equal(calls, Calls, Each * 4),
    equal(sum, Sum, 4 * (Each * (Each - 1) div 2)),
    report("", Took, 1000000).

nap(N, N, _, Took) -> Took;
nap(I, N, Server, Took) ->
    Next = I + 1,
    Start = erlang:monotonic_time(),
    Next = gen_server:call(Server, {nap, I}, 5000),
    nap(Next, N, Server, [us(Start) | Took]).
