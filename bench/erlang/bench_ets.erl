%% SPDX-License-Identifier: Apache-2.0
%% Tables with a million integers, see bench/ets.go. The table that is only read has read_concurrency, the other one
%% write_concurrency too: what the manual advises for each.
-module(bench_ets).
-export([set/0, ordered/0]).
-import(bench_util, [n/0, figure/2, equal/3]).

-define(KEYS, (1 bsl 20)).

set() -> run(set).
ordered() -> run(ordered_set).

run(Type) ->
    Read = new([Type, public, {read_concurrency, true}]),
    figure(bytes, ets:info(Read, memory) * erlang:system_info(wordsize) / ?KEYS),
    [begin
         phase("read", P, n() div P, fun(_, K) -> get(Read, K) - K end),
         Type =:= ordered_set andalso
             phase("scan", P, n() div P div 100,
                   fun(_, K0) ->
                           K = K0 rem (?KEYS - 100),
                           scan(Read, ets:next(Read, K - 1), 100, 0) - (100 * K + 99 * 100 div 2)
                   end)
     end || P <- [1, 8]],
    ets:delete(Read),
    Write = new([Type, public, {read_concurrency, true}, {write_concurrency, auto}]),
    [begin
         phase("mixed", P, n() div P,
               fun(I, K) when I rem 10 =:= 0 -> ets:insert(Write, {K, K}), 0;
                  (_, K) -> get(Write, K) - K
               end),
         phase("write", P, n() div P, fun(_, K) -> ets:insert(Write, {K, K}), 0 end)
     end || P <- [1, 8]],
    equal(rows, ets:info(Write, size), ?KEYS).

new(Options) ->
    T = ets:new(t, Options),
    fill(T, 0),
    T.

fill(_, ?KEYS) -> ok;
fill(T, I) ->
    K = I * 7919 rem ?KEYS,
    ets:insert(T, {K, K}),
    fill(T, I + 1).

get(T, K) ->
    [{_, V}] = ets:lookup(T, K),
    V.

%% A select with a guard on the key would look at the whole table.
scan(_, _, 0, Sum) -> Sum;
scan(T, K, N, Sum) -> scan(T, ets:next(T, K), N - 1, Sum + get(T, K)).

phase(Key, Procs, Each, F) ->
    Start = erlang:monotonic_time(),
    Refs = [element(2, spawn_monitor(fun() -> work(F, 0, Each, P * 7654321 + 1, 0) end)) || P <- lists:seq(0, Procs - 1)],
    [receive {'DOWN', R, process, _, Reason} -> equal(Key, Reason, {sum, 0}) end || R <- Refs],
    Ns = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond),
    figure([Key, integer_to_list(Procs)], Ns / (Procs * Each)).

work(_, Each, Each, _, Sum) -> exit({sum, Sum});
work(F, I, Each, X0, Sum) ->
    X = (X0 * 1103515245 + 12345) band (1 bsl 28 - 1),
    work(F, I + 1, Each, X, Sum + F(I, X bsr 8)).
