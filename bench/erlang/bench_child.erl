%% SPDX-License-Identifier: Apache-2.0
%% The child of bench_sup's supervisor: it crashes as soon as it has started, but for the last time.
-module(bench_child).
-behaviour(gen_server).
-export([start_link/3, init/1, handle_call/3, handle_cast/2]).

start_link(Starts, N, Me) -> gen_server:start_link(?MODULE, {Starts, N, Me}, []).

init({Starts, N, Me}) ->
    counters:add(Starts, 1, 1),
    case counters:get(Starts, 1) of
        Last when Last > N -> Me ! over;
        _ -> gen_server:cast(self(), smash)
    end,
    {ok, fragile}.

handle_call(_, _, State) -> {reply, ok, State}.

handle_cast(smash, State) -> {stop, fragile, State}.
