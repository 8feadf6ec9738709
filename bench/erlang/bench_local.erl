%% SPDX-License-Identifier: Apache-2.0
%% Processes and messages within one node. Each function does the work of the Go function of that name.
-module(bench_local).
-export([idle/0, pingpong/0, pingpong_deep/0, fanin/0, pairs/0, ring/0, skynet/0, slice_copied/0, slice_shared/0]).
-import(bench_util, [n/0, figure/2, rate/2, equal/3]).

now_native() -> erlang:monotonic_time().

us(Start) -> erlang:convert_time_unit(now_native() - Start, native, nanosecond) / 1000.

%% --- idle processes

idle() ->
    N = n(),
    Sum = counters:new(1, []),
    Base = erlang:system_info(process_count),
    erlang:garbage_collect(),
    Before = erlang:memory(processes),
    Start = now_native(),
    Pids = spawn_idle(N - 1, Sum, []),
    figure(spawn, us(Start) / N),
    equal(processes, erlang:system_info(process_count) - Base, N),
    timer:sleep(100),
    erlang:garbage_collect(),
    figure(bytes, (erlang:memory(processes) - Before - 16 * N) / N), % but for our list of them
    Stop = now_native(),
    stop_idle(Pids, 0),
    wait_gone(Base),
    figure(stop, us(Stop) / N),
    equal(sum, counters:get(Sum, 1), N * (N - 1) div 2).

spawn_idle(-1, _, Pids) -> Pids;
spawn_idle(I, Sum, Pids) -> spawn_idle(I - 1, Sum, [spawn(fun() -> sleeper(Sum) end) | Pids]).

sleeper(Sum) ->
    receive {leave, N} -> counters:add(Sum, 1, N) end.

stop_idle([], _) -> ok;
stop_idle([P | Pids], I) -> P ! {leave, I}, stop_idle(Pids, I + 1).

wait_gone(Base) ->
    case erlang:system_info(process_count) of
        N when N =< Base -> ok;
        _ -> timer:sleep(1), wait_gone(Base)
    end.

%% --- ping-pong

pingpong() -> pingpong(fun play/3).

pingpong_deep() -> pingpong(fun play_deep/3).

pingpong(Play) ->
    N = n(),
    Last = 2 * N - 1,
    Me = self(),
    One = spawn_link(fun() -> receive Other -> Play(Other, 0, Me) end end),
    Two = spawn_link(fun() -> receive Other -> Play(Other, 0, Me) end end),
    One ! Two,
    Two ! One,
    Start = now_native(),
    One ! {ball, Last},
    Sum = receive {sum, S1} -> S1 end + receive {sum, S2} -> S2 end,
    rate(N, Start),
    equal(sum, Sum, Last * (Last + 1) div 2).

play(Other, Sum, Me) ->
    receive
        {ball, N} when N > 1 -> Other ! {ball, N - 1}, play(Other, Sum + N, Me);
        {ball, 1} -> Other ! {ball, 0}, Me ! {sum, Sum + 1};
        {ball, 0} -> Me ! {sum, Sum}
    end.

play_deep(Other, Sum, Me) ->
    receive
        {ball, N} when N > 1 -> Sum1 = Sum + dive(96, N), Other ! {ball, N - 1}, play_deep(Other, Sum1, Me);
        {ball, 1} -> Other ! {ball, 0}, Me ! {sum, Sum + dive(96, 1)};
        {ball, 0} -> Me ! {sum, Sum + dive(96, 0)}
    end.

%% About 3 kB of stack: 96 frames of four words.
dive(0, N) -> N;
dive(D, N) -> M = dive(D - 1, N), keep(M, N, D).

keep(M, _, _) -> M.

%% --- fan-in, eight to one

fanin() ->
    N = n(),
    Me = self(),
    Start = now_native(),
    Sink = spawn_link(fun() -> Me ! {sum, drain(8 * N, 0)} end),
    [spawn_link(fun() -> pour(0, N, Sink) end) || _ <- lists:seq(1, 8)],
    Sum = receive {sum, S} -> S end,
    rate(8 * N, Start),
    equal(sum, Sum, 8 * (N * (N - 1) div 2)).

pour(N, N, _) -> ok;
pour(I, N, Sink) -> Sink ! {drop, I}, pour(I + 1, N, Sink).

drain(0, Sum) -> Sum;
drain(N, Sum) -> receive {drop, I} -> drain(N - 1, Sum + I) end.

%% --- a thousand pairs

pairs() ->
    N = n(),
    Last = 2 * N - 1,
    Me = self(),
    Pairs = [begin
                 One = spawn_link(fun() -> receive Other -> play(Other, 0, Me) end end),
                 Two = spawn_link(fun() -> receive Other -> play(Other, 0, Me) end end),
                 One ! Two,
                 Two ! One,
                 One
             end || _ <- lists:seq(1, 1000)],
    Start = now_native(),
    [One ! {ball, Last} || One <- Pairs],
    Sum = lists:sum([receive {sum, S} -> S end || _ <- lists:seq(1, 2000)]),
    rate(1000 * 2 * N, Start),
    equal(sum, Sum, 1000 * (Last * (Last + 1) div 2)).

%% --- a ring of ten thousand

ring() ->
    N = n(),
    Me = self(),
    First = spawn_link(fun() -> receive {next, P} -> station(P, 0, Me) end end),
    Last = lists:foldl(fun(_, Prev) -> spawn_link(fun() -> station(Prev, 0, Me) end) end, First, lists:seq(2, 10000)),
    First ! {next, Last},
    Start = now_native(),
    First ! {token, N},
    receive over -> ok end,
    rate(N, Start),
    First ! {collect, 0, 10000},
    Sum = receive {sum, S} -> S end,
    equal(sum, Sum, N * (N + 1) div 2).

station(Next, Sum, Me) ->
    receive
        {token, 0} -> Me ! over, station(Next, Sum, Me);
        {token, Hops} -> Next ! {token, Hops - 1}, station(Next, Sum + Hops, Me);
        {collect, S, 1} -> Me ! {sum, S + Sum};
        {collect, S, Left} -> Next ! {collect, S + Sum, Left - 1}
    end.

%% --- skynet

skynet() ->
    N = n(),
    Me = self(),
    Start = now_native(),
    spawn(fun() -> knot(Me, 0, N) end),
    Sum = receive {sum, S} -> S end,
    figure(s, us(Start) / 1.0e6),
    equal(sum, Sum, N * (N - 1) div 2).

knot(Parent, First, 1) -> Parent ! {sum, First};
knot(Parent, First, Leaves) ->
    Me = self(),
    Below = Leaves div 10,
    spawn_knots(Me, First, Below, 10),
    Parent ! {sum, gather(10, 0)}.

spawn_knots(_, _, _, 0) -> ok;
spawn_knots(Me, First, Below, I) ->
    spawn(fun() -> knot(Me, First, Below) end),
    spawn_knots(Me, First + Below, Below, I - 1).

gather(0, Sum) -> Sum;
gather(I, Sum) -> receive {sum, S} -> gather(I - 1, Sum + S) end.

%% --- messages with a hundred integers

slice_copied() -> slice(lists:seq(1, 100)).

%% A persistent term is shared, not copied, also in messages.
slice_shared() ->
    persistent_term:put(?MODULE, lists:seq(1, 100)),
    slice(persistent_term:get(?MODULE)).

slice(List) ->
    N = n(),
    Me = self(),
    Reader = spawn_link(fun() -> Me ! {sum, read(N, 0)} end),
    Start = now_native(),
    spawn_link(fun() -> write(N, Reader, List) end),
    Sum = receive {sum, S} -> S end,
    rate(N, Start),
    equal(sum, Sum, N * 5050).

write(0, _, _) -> ok;
write(N, To, List) -> To ! {page, List}, write(N - 1, To, List).

read(0, Sum) -> Sum;
read(N, Sum) -> receive {page, List} -> read(N - 1, add(List, Sum)) end.

add([], Sum) -> Sum;
add([X | Rest], Sum) -> add(Rest, Sum + X).
