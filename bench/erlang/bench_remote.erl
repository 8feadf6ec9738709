%% SPDX-License-Identifier: Apache-2.0
%% Two nodes on one machine. Each function does the work of the Go test of that name; F_server is the other end.
-module(bench_remote).
-behaviour(gen_server).
-export([pingpong/0, pingpong_server/0, cpu/0, cpu_server/0, calls/0, calls_server/0, call/0, call_server/0,
         bulk/0, bulk_server/0, kill/0, kill_server/0,
         oneway_1_100/0, oneway_1_100_server/0, oneway_8_100/0, oneway_8_100_server/0,
         oneway_1_8192/0, oneway_1_8192_server/0, oneway_1_1048576/0, oneway_1_1048576_server/0]).
-export([init/1, handle_call/3, handle_cast/2]).
-import(bench_util, [n/0, figure/2, rate/2, equal/3, report/3, ready/1, now_us/0]).

-define(SERVER, 'server@127.0.0.1').

%% --- the other ends

pingpong_server() -> echo_server().
cpu_server() -> echo_server().
kill_server() -> echo_server().
bulk_server() -> register(catcher, spawn_link(fun() -> catcher(0, 0, 0, 0) end)), echo_server().

echo_server() ->
    register(echo, spawn_link(fun() -> receive {hello, Peer} -> Peer ! {echoer, self()}, echo(Peer) end end)),
    ready("").

echo(Peer) -> receive {ping, N} -> Peer ! {pong, N}, echo(Peer) end.

oneway_1_100_server() -> catch_server().
oneway_8_100_server() -> catch_server().
oneway_1_8192_server() -> catch_server().
oneway_1_1048576_server() -> catch_server().

catch_server() ->
    [register(name(I), spawn_link(fun() -> catcher(0, 0, 0, 0) end)) || I <- lists:seq(0, 7)],
    ready("").

name(I) -> list_to_atom("catcher" ++ integer_to_list(I)).

catcher(Count, Sum, Bytes, Marks) ->
    receive
        {chunk, I, Data} -> catcher(Count + 1, Sum + I, Bytes + byte_size(Data), Marks);
        {mark, I} when Count =:= I + 1, Marks =:= I -> catcher(Count, Sum, Bytes, Marks + 1);
        {total, From} -> From ! {tally, Count, Sum, Bytes, Marks}, catcher(Count, Sum, Bytes, Marks);
        {meet, From} -> From ! {catcher, self()}, catcher(Count, Sum, Bytes, Marks)
    end.

calls_server() -> register_adder().
call_server() -> register_adder().

register_adder() ->
    {ok, _} = gen_server:start({local, adder}, ?MODULE, {0, 0}, []),
    ready("").

init(State) -> {ok, State}.
handle_call({inc, N}, _, {Calls, Sum}) -> {reply, N + 1, {Calls + 1, Sum + N}};
handle_call(meet, _, State) -> {reply, self(), State}.
handle_cast(_, State) -> {noreply, State}.

%% --- ping-pong

hello() ->
    pong = net_adm:ping(?SERVER),
    {echo, ?SERVER} ! {hello, self()},
    receive {echoer, Pid} -> Pid end.

pingpong() ->
    N = n(),
    Echo = hello(),
    Start = erlang:monotonic_time(),
    Sum = ping(1, N, Echo, 0),
    rate(N, Start),
    equal(sum, Sum, N * (N + 1) div 2).

ping(I, N, _, Sum) when I > N -> Sum;
ping(I, N, Echo, Sum) ->
    Echo ! {ping, I},
    receive {pong, I} -> ping(I + 1, N, Echo, Sum + I) end.

%% --- one way

oneway_1_100() -> oneway(1, 100).
oneway_8_100() -> oneway(8, 100).
oneway_1_8192() -> oneway(1, 8192).
oneway_1_1048576() -> oneway(1, 1048576).

oneway(Pairs, Size) ->
    Each = n() div Pairs,
    pong = net_adm:ping(?SERVER),
    Me = self(),
    Data = binary:copy(<<0>>, Size - 8),
    Pitchers = [spawn_link(fun() ->
                                   {name(I), ?SERVER} ! {meet, self()},
                                   To = receive {catcher, Pid} -> Pid end,
                                   Me ! met,
                                   receive go -> pitch(0, Each, To, Data) end,
                                   To ! {total, self()},
                                   receive {tally, Count, Sum, Bytes, 0} -> ok end,
                                   equal(messages, Count, Each),
                                   equal(sum, Sum, Each * (Each - 1) div 2),
                                   equal(bytes, Bytes, Each * byte_size(Data)),
                                   Me ! pitched
                           end) || I <- lists:seq(0, Pairs - 1)],
    [receive met -> ok end || _ <- Pitchers],
    Start = erlang:monotonic_time(),
    [P ! go || P <- Pitchers],
    [receive pitched -> ok end || _ <- Pitchers],
    throughput(Each * Pairs, Size, Start).

pitch(N, N, _, _) -> ok;
pitch(I, N, To, Data) -> To ! {chunk, I, Data}, pitch(I + 1, N, To, Data).

throughput(N, Size, Start) ->
    rate(N, Start),
    Ns = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond),
    figure(mbs, N * Size * 1000 / Ns).

%% --- calls

calls() -> callers(64).
call() -> callers(1).

callers(Callers) ->
    Each = n() div Callers,
    Server = gen_server:call({adder, ?SERVER}, meet),
    Me = self(),
    Start = erlang:monotonic_time(),
    [spawn_link(fun() -> ask(0, Each, Server), Me ! asked end) || _ <- lists:seq(1, Callers)],
    [receive asked -> ok end || _ <- lists:seq(1, Callers)],
    rate(Each * Callers, Start).

ask(N, N, _) -> ok;
ask(I, N, Server) ->
    Next = I + 1,
    Next = gen_server:call(Server, {inc, I}, 5000),
    ask(Next, N, Server).

%% --- ping beside bulk

bulk() ->
    N = n(),
    Me = self(),
    Pinger = spawn_link(fun() -> Echo = hello(), Me ! ready, receive go -> ok end, pinger(1, Echo, 1, []) end),
    receive ready -> ok end,
    {catcher, ?SERVER} ! {meet, self()},
    To = receive {catcher, Pid} -> Pid end,
    Data = binary:copy(<<0>>, 100000000),
    Start = erlang:monotonic_time(),
    Pinger ! go,
    [begin To ! {chunk, I, Data}, To ! {mark, I} end || I <- lists:seq(0, N - 1)],
    To ! {total, self()},
    receive {tally, Count, _, Bytes, Marks} -> ok end,
    Ns = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond),
    figure(mbs, N * 100000000 * 1000 / Ns),
    equal(messages, Count, N),
    equal(bytes, Bytes, N * 100000000),
    equal(marks, Marks, N),
    report("", trips(Pinger), 1000000).

trips(Pinger) ->
    Pinger ! {trips, self()},
    receive {trips, Trips} -> Trips end.

%% Pings with pauses of that many ms until asked for its round trips in ns.
pinger(I, Echo, Pause, Trips) ->
    Start = erlang:monotonic_time(),
    Echo ! {ping, I},
    receive {pong, I} -> ok end,
    Ns = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond),
    receive {trips, From} -> From ! {trips, [Ns | Trips]}
    after Pause -> pinger(I + 1, Echo, Pause, [Ns | Trips])
    end.

%% --- 64 processes that compute

cpu() ->
    Me = self(),
    Pinger = spawn_link(fun() -> Echo = hello(), Me ! ready, receive go -> ok end, regular(1, Echo, []) end),
    receive ready -> ok end,
    Heart = spawn_link(fun() -> heart([]) end),
    Bursts = counters:new(1, []),
    Burners = [spawn(fun() -> burn(I, Bursts) end) || I <- lists:seq(1, 64)],
    Pinger ! go,
    timer:sleep(n() * 1000),
    figure(work, counters:get(Bursts, 1) / n()),
    Heart ! {late, self()},
    Late = receive {late, L} -> L end,
    Trips = trips(Pinger),
    [exit(B, kill) || B <- Burners],
    report("timer_", every_beat(Late), 1000000),
    report("ping_", every_beat(Trips), 1000000).

%% Adds the beats that a long wait kept from beginning.
every_beat(List) -> lists:append([beats(Ns) || Ns <- List]).

beats(Ns) when Ns > 20000000 -> [Ns | beats(Ns - 20000000)];
beats(Ns) -> [Ns].

%% Pings every 20 ms; a wait begins when the ping is due.
regular(I, Echo, Trips) ->
    Due = erlang:monotonic_time() + erlang:convert_time_unit(20, millisecond, native),
    receive {trips, From} -> From ! {trips, Trips}
    after 20 ->
            Echo ! {ping, I},
            receive {pong, I} -> ok end,
            Ns = erlang:convert_time_unit(erlang:monotonic_time() - Due, native, nanosecond),
            regular(I + 1, Echo, [Ns | Trips])
    end.

heart(Late) ->
    Due = erlang:monotonic_time() + erlang:convert_time_unit(20, millisecond, native),
    erlang:send_after(20, self(), beat),
    receive
        beat ->
            heart([erlang:convert_time_unit(erlang:monotonic_time() - Due, native, nanosecond) | Late]);
        {late, From} -> From ! {late, Late}
    end.

burn(X, Bursts) ->
    Next = spin(X, 1000000),
    counters:add(Bursts, 1, 1),
    burn(Next, Bursts).

%% A million rounds: some 10 ms in this language.
spin(X, 0) -> X;
spin(X, N) -> spin((X * 1103515245 + 12345) band 16#7fffffff, N - 1).

%% --- the death of a node

kill() ->
    Echo = hello(),
    Ref = monitor(process, Echo),
    io:put_chars("armed\n"),
    receive {'DOWN', Ref, process, _, noconnection} -> figure(seen_at, now_us()) end.
