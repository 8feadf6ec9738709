%% SPDX-License-Identifier: Apache-2.0
%% What the scenarios of cases_test.go need on the Erlang side.
-module(interop).
-export([start/0, wait/1, leader/1, dead_there/1, crypto_free/1, both/2, text/1, agree/3]).

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
crypto_free(N) -> binary:part(<< <<(erlang:md5(<<I:32>>))/binary>> || I <- lists:seq(0, N div 16) >>, 0, N).

%% Evaluates two expressions at once, each in a process of its own that lasts, so that what it was told before is known to it.
%% Gives the results and what came into the processes' mailboxes besides.
both(A, B) ->
    Refs = [begin
                Ref = make_ref(),
                evaluator(Name) ! {self(), Ref, Expr},
                Ref
            end || {Name, Expr} <- [{interop_one, A}, {interop_two, B}]],
    list_to_tuple([receive {Ref, Result} -> Result after 60000 -> late end || Ref <- Refs]).

%% It has no name, so that expressions can give it one.
evaluator(Name) ->
    case get(Name) of
        undefined ->
            Pid = spawn(fun evaluate/0),
            put(Name, Pid),
            Pid;
        Pid -> Pid
    end.

evaluate() ->
    receive
        {From, Ref, Expr} when is_pid(From), is_reference(Ref) ->
            Result = eval(Expr),
            From ! {Ref, receive Left -> {left_over, Left, Result} after 0 -> Result end},
            evaluate()
    end.

eval(Expr) ->
    try
        {ok, Tokens, _} = erl_scan:string(Expr ++ "."),
        {ok, Exprs} = erl_parse:parse_exprs(Tokens),
        {value, Value, _} = erl_eval:exprs(Exprs, []),
        Value
    catch Class:Reason -> {Class, Reason}
    end.

%% The result of an expression as ~0p prints it, for Elixir.
text(Expr) -> unicode:characters_to_binary(io_lib:format("~0p", [eval(Expr)])).

%% What this node and these Banyan nodes know: the nodes, where the members of the group everybody are, and where those are that
%% have these global names. Gives Want when they all agree with it, and if they do not, what each knows.
agree(Want, Targets, Names) ->
    Views = fun() -> [here(Names) | [there(T, Names) || T <- Targets]] end,
    case wait(fun() -> lists:usort(Views()) =:= [Want] end, 1000) of
        true -> Want;
        false -> Views()
    end.

here(Names) ->
    {lists:sort([node() | nodes()]), members(pg:get_members(everybody)), [place(global:whereis_name(N)) || N <- Names]}.

there(T, Names) ->
    Drive = fun(Q) -> {ok, V} = gen_server:call({driver, T}, Q, 15000), V end,
    {lists:sort([T | Drive(nodes)]), members(Drive({pg_members, everybody})), [place(Drive({global_whereis, N})) || N <- Names]}.

members(Pids) -> lists:sort([node(P) || P <- Pids]).

place(undefined) -> nowhere;
place(Pid) -> node(Pid).
