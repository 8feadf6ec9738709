%% SPDX-License-Identifier: Apache-2.0
%% What all benchmarks share: the protocol with the driver, checks, quantiles. See bench/child.go.
-module(bench_util).
-export([main/1, n/0, peer/0, figure/2, rate/2, equal/3, report/3, ready/1, now_us/0]).

%% erl -run bench_util main Module Function
main([M, F]) ->
    logger:set_primary_config(level, none),
    {Pid, Ref} = spawn_monitor(fun() -> apply(list_to_atom(M), list_to_atom(F), []) end),
    receive
        {'DOWN', Ref, process, Pid, normal} ->
            figure(peak, peak()),
            io:put_chars("done\n"),
            halt(0);
        {'DOWN', Ref, process, Pid, Reason} ->
            io:format(standard_error, "bench: ~p~n", [Reason]),
            halt(1)
    end.

n() -> list_to_integer(os:getenv("BENCH_N")).

peer() -> os:getenv("BENCH_PEER").

figure(Key, Value) -> io:format("figure ~s ~w~n", [Key, Value]).

%% N things since Start, a monotonic time in native units.
rate(N, Start) ->
    Ns = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond),
    figure(rate, N * 1.0e9 / Ns),
    figure(ns, Ns / N).

equal(_, Want, Want) -> ok;
equal(What, Got, Want) -> exit({wrong, What, Got, Want}).

%% Quantiles of a list of integers, divided by One.
report(Prefix, List, One) ->
    Sorted = list_to_tuple(lists:sort(List)),
    At = fun(Q) -> element(1 + trunc(Q * (tuple_size(Sorted) - 1)), Sorted) / One end,
    figure([Prefix, "p50"], At(0.5)),
    figure([Prefix, "p99"], At(0.99)),
    figure([Prefix, "max"], At(1.0)).

%% Tells the driver that the server can be used, and waits for the end.
ready(Info) ->
    io:format("ready ~s~n", [Info]),
    wait_eof().

wait_eof() ->
    case io:get_line("") of
        eof -> ok;
        {error, _} -> ok;
        _ -> wait_eof()
    end.

now_us() -> erlang:system_time(microsecond).

peak() ->
    {ok, Text} = file:read_file("/proc/self/status"),
    case re:run(Text, "VmHWM:\\s*(\\d+)", [{capture, [1], list}]) of
        {match, [Kb]} -> list_to_integer(Kb) / 1024;
        nomatch -> 0.0
    end.
