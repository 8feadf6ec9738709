%% SPDX-License-Identifier: Apache-2.0
%% Runs programs of the form of core_test.go in a real gen_statem, and prints what it handled.
-module(statem_oracle).
-behaviour(gen_statem).
-export([run/1, init/1, callback_mode/0, handle_event/4]).

%% The file holds terms: {Limit, Program, Events}, with Program a map of {State, Event} to actions.
run(File) ->
    {ok, Stories} = file:consult(File),
    lists:foreach(fun story/1, Stories).

story({Limit, Program, Events}) ->
    {ok, P} = gen_statem:start(?MODULE, {self(), Limit, Program, Events}, []),
    M = monitor(process, P),
    receive
        {trace, P, Trace} ->
            demonitor(M, [flush]),
            io:format("~s~n", [lists:join(" ", lists:reverse(Trace))]);
        {'DOWN', M, process, P, Reason} ->
            io:format("crashed: ~p~n", [Reason])
    end.

callback_mode() -> [handle_event_function, state_enter].

init({Parent, Limit, Program, Events}) ->
    [gen_statem:cast(self(), E) || E <- Events],
    gen_statem:cast(self(), '$end'),
    {ok, a, #{parent => Parent, left => Limit, program => Program, trace => []}}.

handle_event(cast, '$end', _, #{parent := Parent, trace := Trace}) ->
    Parent ! {trace, self(), Trace},
    stop;
handle_event(enter, Old, State, D) ->
    {Acts, D1} = acts({State, enter}, io_lib:format("~s/enter:~s", [State, Old]), D),
    {keep_state, D1, lists:map(fun action/1, Acts)};
handle_event(_Type, E, State, D) ->
    {Acts, D1} = acts({State, E}, io_lib:format("~s/~s", [State, E]), D),
    Actions = [action(A) || A <- Acts, not is_tuple(A) orelse element(1, A) =/= next, A =/= repeat],
    case {[S || {next, S} <- Acts], lists:member(repeat, Acts)} of
        {[], true} -> {repeat_state, D1, Actions};
        {[], false} -> {keep_state, D1, Actions};
        {Next, _} -> {next_state, lists:last(Next), D1, Actions}
    end.

acts(Key, Line, #{left := Left, program := Program, trace := Trace} = D) ->
    D1 = D#{left := Left - 1, trace := [Line | Trace]},
    case Left > 1 of
        true -> {maps:get(Key, Program, []), D1};
        false -> {[], D1}
    end.

action(postpone) -> postpone;
action({insert, E}) -> {next_event, internal, E};
action({set, K, 0, E}) -> {key(K), 0, E};
action({set, K, _, E}) -> {key(K), 3600000, E};
action({update, K, E}) -> {key(K), update, E};
action({cancel, K}) -> {key(K), cancel}.

key(state) -> state_timeout;
key(event) -> timeout;
key(Name) -> {timeout, Name}.
