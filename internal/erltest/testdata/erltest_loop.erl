%% SPDX-License-Identifier: Apache-2.0
%% A node that tests drive: it evaluates the lines of its standard input and prints "=> Result".
-module(erltest_loop).
-export([main/0, echo/0]).

main() ->
    register(echo, spawn(fun echo/0)),
    loop().

loop() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(0); % who drives it has died
        Line ->
            R = try
                    {ok, Tokens, _} = erl_scan:string(Line),
                    {ok, Exprs} = erl_parse:parse_exprs(Tokens),
                    {value, V, _} = erl_eval:exprs(Exprs, []),
                    V
                catch C:E -> {C, E}
                end,
            try io:format("=> ~0tp~n", [R]) catch _:_ -> halt(0) end,
            loop()
    end.

%% {From, Message} is answered {echo, self(), Message}.
echo() ->
    receive
        {From, M} -> From ! {echo, self(), M}, echo();
        _ -> echo()
    end.
