%% SPDX-License-Identifier: Apache-2.0
%% A node that tests drive: it evaluates the lines of its standard input and prints "=> Result".
-module(banyan_peer).
-export([main/0, echo/0, burst/3, counter/1, late/2, adder/1]).

main() ->
    register(echo, spawn(fun echo/0)),
    register(counter, spawn(fun() -> counter(0) end)),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            {ok, Tokens, _} = erl_scan:string(Line),
            {ok, Exprs} = erl_parse:parse_exprs(Tokens),
            R = try erl_eval:exprs(Exprs, []) of {value, V, _} -> V catch C:E -> {C, E} end,
            io:format("=> ~0p~n", [R]),
            loop()
    end.

%% {From, Message} is answered {echo, self(), Message}.
echo() ->
    receive
        {From, M} -> From ! {echo, self(), M}, echo();
        _ -> echo()
    end.

%% A server in gen_server's form.
counter(N) ->
    receive
        {'$gen_call', {From, Tag}, {add, K}} -> reply(From, Tag, N + K), counter(N + K);
        {'$gen_call', {From, Tag}, crash} -> reply(From, Tag, {error, {oops, N}}), counter(N);
        {'$gen_cast', {add, K}} -> counter(N + K);
        {'EXIT', _, _} -> counter(N);
        stop -> exit({stopped, N});
        _ -> counter(N)
    end.

reply(_From, [alias | Alias] = Tag, R) -> Alias ! {Tag, R};
reply(From, Tag, R) -> From ! {Tag, R}.

%% Senders that each send a big, a small, a big... to {echo, Node} and want all back in order.
burst(Node, Senders, Size) ->
    Me = self(),
    Bin = binary:copy(<<"0123456789">>, Size div 10),
    Ps = [spawn_link(fun() -> Me ! {self(), one(Node, I, Bin)} end) || I <- lists:seq(1, Senders)],
    lists:usort([receive {P, R} -> R end || P <- Ps]).

one(Node, I, Bin) ->
    Ms = lists:append([[{I, K, Bin}, {I, K, small}] || K <- lists:seq(1, 4)]),
    [{echo, Node} ! {self(), M} || M <- Ms],
    Back = [receive {echo, M} -> M after 20000 -> timeout end || _ <- Ms],
    Back =:= Ms.

%% A fun of compiled code, with what it closes over.
adder(N) -> Unused = #{n => N, list => [1, 2.5, "text"]}, fun(X) -> {X + N, Unused} end.

late(Node, Ms) ->
    timer:sleep(Ms),
    net_kernel:connect_node(Node).
