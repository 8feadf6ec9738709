%% SPDX-License-Identifier: Apache-2.0
%% A supervisor whose child crashes as often as it is started.
-module(bench_sup).
-behaviour(supervisor).
-export([restarts/0, init/1]).
-import(bench_util, [n/0, rate/2, equal/3]).

restarts() ->
    N = n(),
    Starts = counters:new(1, []),
    Start = erlang:monotonic_time(),
    {ok, Sup} = supervisor:start_link(?MODULE, {N, Starts, self()}),
    receive over -> ok end,
    rate(N, Start),
    equal(starts, counters:get(Starts, 1), N + 1),
    true = is_process_alive(Sup),
    unlink(Sup),
    ok.

init({N, Starts, Me}) ->
    {ok, {#{strategy => one_for_one, intensity => 10 * N, period => 3600},
          [#{id => fragile, start => {bench_child, start_link, [Starts, N, Me]}}]}}.
