%% SPDX-License-Identifier: Apache-2.0
%% The Erlang side of interopsoak. It is driven by its standard input: one expression a line.
-module(soak).
-export([main/0, sink/0, phase/4, report/1, victim/0]).

main() ->
    register(sink, spawn(fun sink/0)),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            R = try
                    {ok, Tokens, _} = erl_scan:string(Line),
                    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
                    {value, V, _} = erl_eval:exprs(Exprs, []),
                    V
                catch C:E -> {C, E}
                end,
            io:format("=> ~0p~n", [R]),
            loop()
    end.

%% Counts numbered messages: per {Phase, From} how many came, the last number, how many were not above the one before,
%% and how many had the wrong size. A call echo answers what it is asked.
sink() -> sink(#{}).
sink(M) ->
    receive
        {seq, Phase, From, N, Bin} ->
            K = {Phase, From},
            {C, Last, Back, Bad} = maps:get(K, M, {0, 0, 0, 0}),
            B = case N > Last of true -> Back; false -> Back + 1 end,
            W = case byte_size(Bin) =:= size_of(N) of true -> Bad; false -> Bad + 1 end,
            sink(M#{K => {C + 1, max(N, Last), B, W}});
        {'$gen_call', From, {echo, X}} ->
            gen_server:reply(From, {was, X}), sink(M);
        {'$gen_call', From, {report, Phase}} ->
            R = [[F, C, L, B, W] || {{P, F}, {C, L, B, W}} <- maps:to_list(M), P =:= Phase],
            gen_server:reply(From, R), sink(maps:filter(fun({P, _}, _) -> P >= Phase end, M));
        _ -> sink(M)
    end.

report(Phase) -> gen_server:call(sink, {report, Phase}).

%% Sends Count messages to the sink of each node, a pause of Ms after each ten, and returns when all are sent.
phase(Phase, Nodes, Count, Ms) ->
    From = node(),
    Ps = [spawn_monitor(fun() -> send(N, Phase, From, 1, Count, Ms) end) || N <- Nodes],
    [receive {'DOWN', M, process, P, normal} -> ok; {'DOWN', M, process, P, R} -> exit(R) end || {P, M} <- Ps],
    ok.

send(_, _, _, N, Count, _) when N > Count -> ok;
send(Node, Phase, From, N, Count, Ms) ->
    {sink, Node} ! {seq, Phase, From, N, binary:copy(<<0>>, size_of(N))},
    case N rem 10 of 0 -> timer:sleep(Ms); _ -> ok end,
    send(Node, Phase, From, N + 1, Count, Ms).

%% The size of message N, the same on both sides.
size_of(N) when N rem 251 =:= 0 -> 1000000 + (N * 7919) rem 4000000;
size_of(N) -> (N * 31) rem 300.

victim() -> receive _ -> ok end.
