%% SPDX-License-Identifier: Apache-2.0
%% What the scenarios of cases_test.go need on the Erlang side.
-module(interop).
-export([start/0, wait/1, leader/1, dead_there/1, crypto_free/1]).

%% Servers for the driver to call.
start() ->
    register(counter_here, spawn(fun() -> serve(0) end)),
    register(slow_here, spawn(fun() -> serve(2000) end)),
    {ok, _} = pg:start(pg),
    ok.

serve(Ms) ->
    receive {'$gen_call', From, Q} -> timer:sleep(Ms), gen_server:reply(From, {was, Q}) end,
    serve(Ms).

%% True as soon as F says so, within some seconds.
wait(F) -> wait(F, 300).
wait(F, 0) -> F();
wait(F, N) ->
    case F() of
        true -> true;
        _ -> timer:sleep(20), wait(F, N - 1)
    end.

%% A group leader that tells To what is written, and has one line to read.
leader(To) -> spawn(fun() -> lead(To) end).
lead(To) ->
    receive
        {io_request, From, As, Q} ->
            From ! {io_reply, As, answer(To, Q)},
            lead(To)
    end.
answer(To, {put_chars, unicode, C}) -> To ! {put, unicode:characters_to_binary(C)}, ok;
answer(To, {put_chars, latin1, C}) -> To ! {put, iolist_to_binary(C)}, ok;
answer(_, {get_line, _, _}) -> <<"a line\n">>;
answer(_, _) -> {error, request}.

%% The pid of a process that has ended on Node.
dead_there(Node) ->
    {P, M} = spawn_monitor(Node, nobody, f, []),
    receive {'DOWN', M, process, P, _} -> P end.

%% N bytes without a pattern that repeats soon.
crypto_free(N) -> << <<(erlang:phash2(I, 256))>> || I <- lists:seq(1, N) >>.
