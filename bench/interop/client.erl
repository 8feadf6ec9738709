%% SPDX-License-Identifier: Apache-2.0
%% One Erlang client and two targets: a Banyan node and an Erlang node. The same work, alternating, Rounds times; every run
%% counts what came back. Prints "row target round figure" lines.
-module(client).
-export([main/3, target/0, echo/0]).

%% What runs on the Erlang target.
target() -> register(echo, spawn(?MODULE, echo, [])), ok.
echo() -> receive {From, M} -> From ! {echo, self(), M}, echo() end.

main(Banyan, Erlang, Rounds) ->
    pong = net_adm:ping(Banyan), pong = net_adm:ping(Erlang),
    Targets = [{banyan, Banyan, {math, add}}, {erlang, Erlang, {erlang, '+'}}],
    [one(R, T, 0) || R <- rows(), T <- Targets],                       % warm up, not printed
    [one(R, T, N) || R <- rows(), N <- lists:seq(1, Rounds), T <- order(N, Targets)],
    halt(0).

order(N, [A, B]) -> case N rem 2 of 0 -> [A, B]; 1 -> [B, A] end.

rows() -> [{roundtrips, fun roundtrips/2}, {pipelined, fun pipelined/2}, {megabyte, fun megabyte/2},
           {erpc, fun erpc/2}, {erpc16, fun erpc16/2}].

one({Name, F}, {Target, Node, MF}, Round) ->
    erlang:garbage_collect(),
    T0 = erlang:monotonic_time(nanosecond),
    N = F(Node, MF),
    T = erlang:monotonic_time(nanosecond) - T0,
    case Round of
        0 -> ok;
        _ -> io:format("~s ~s ~b ~.1f~n", [Name, Target, Round, N * 1.0e9 / T])
    end.

%% One message at a time, there and back; a second.
roundtrips(Node, _) ->
    P = {echo, Node}, Bin = binary:copy(<<"x">>, 100),
    N = 15000,
    [begin P ! {self(), {I, Bin}}, receive {echo, _, {I, Bin}} -> ok end end || I <- lists:seq(1, N)],
    N.

%% 500 on their way at any time, of 100 bytes.
pipelined(Node, _) ->
    P = {echo, Node}, Bin = binary:copy(<<"x">>, 100), N = 150000,
    [P ! {self(), {I, Bin}} || I <- lists:seq(1, 500)],
    flow(P, Bin, 1, 501, N), N.
flow(_, _, Want, _, N) when Want > N -> ok;
flow(P, Bin, Want, Next, N) ->
    receive {echo, _, {Want, Bin}} -> ok end,
    case Next =< N of true -> P ! {self(), {Next, Bin}}; false -> ok end,
    flow(P, Bin, Want + 1, Next + 1, N).

%% 1 MB there and back, four on their way; in MB of one direction.
megabyte(Node, _) ->
    P = {echo, Node}, Bin = binary:copy(<<"0123456789abcdef">>, 65536), N = 150,
    [P ! {self(), {I, Bin}} || I <- lists:seq(1, 4)],
    mega(P, Bin, 1, 5, N), N.
mega(_, _, Want, _, N) when Want > N -> ok;
mega(P, Bin, Want, Next, N) ->
    receive {echo, _, {Want, Back}} -> Back = Bin end,
    case Next =< N of true -> P ! {self(), {Next, Bin}}; false -> ok end,
    mega(P, Bin, Want + 1, Next + 1, N).

erpc(Node, {M, F}) -> N = 8000, calls(Node, M, F, N), N.
erpc16(Node, {M, F}) ->
    N = 1000,
    Ps = [spawn_monitor(fun() -> calls(Node, M, F, N) end) || _ <- lists:seq(1, 16)],
    [receive {'DOWN', R, process, P, Why} -> normal = Why end || {P, R} <- Ps],
    16 * N.
calls(Node, M, F, N) -> [begin S = I + 1, S = erpc:call(Node, M, F, [I, 1]) end || I <- lists:seq(1, N)].
