%% SPDX-License-Identifier: Apache-2.0
%% Durable transactions, see bench/db.go: Mnesia's sync_transaction, and then sync_log. On three nodes the log is synced on the node of the client only:
%% there is no way to ask for more.
-module(bench_db).
-export([one/0, three/0, ram/0, dirty/0, start_mnesia/0]).
-import(bench_util, [n/0, figure/2, equal/3]).

-define(KEYS, 4000).

one() -> run([], disc_copies, fun durable/1).

three() ->
    {ok, _} = net_kernel:start('db0@127.0.0.1', #{name_domain => longnames}),
    run(peers(2), disc_copies, fun durable/1).

durable(F) ->
    {atomic, ok} = mnesia:sync_transaction(F),
    ok = mnesia:sync_log().

ram() ->
    {ok, _} = net_kernel:start('db0@127.0.0.1', #{name_domain => longnames}),
    run(peers(2), ram_copies, fun(F) -> {atomic, ok} = mnesia:transaction(F) end).

dirty() ->
    {ok, _} = net_kernel:start('db0@127.0.0.1', #{name_domain => longnames}),
    with(peers(2), disc_copies, fun() ->
        Value = binary:copy(<<0>>, 128),
        [ok = mnesia:dirty_write({t, K, Value}) || K <- lists:seq(0, ?KEYS - 1)],
        Took = reads(0, n(), []),
        Sorted = list_to_tuple(lists:sort(Took)),
        figure(["p50"], element(1 + tuple_size(Sorted) div 2, Sorted) / 100),
        figure(["p99"], element(1 + tuple_size(Sorted) * 99 div 100, Sorted) / 100)
    end).

reads(I, N, Took) when I >= N -> Took;
reads(I, N, Took) ->
    Begun = erlang:monotonic_time(),
    batch(I, I + 100),
    T = erlang:convert_time_unit(erlang:monotonic_time() - Begun, native, nanosecond),
    reads(I + 100, N, [T | Took]).

batch(To, To) -> ok;
batch(I, To) ->
    [{t, _, _}] = mnesia:dirty_read(t, I * 7919 rem ?KEYS),
    batch(I + 1, To).

run(Peers, Storage, Commit) ->
    with(Peers, Storage, fun() ->
        [phase(C, total(C), Commit) || C <- [256, 16, 1]],
        equal(rows, mnesia:table_info(t, size), ?KEYS)
    end).

with(Peers, Storage, Do) ->
    Nodes = [node() | Peers],
    Dir = dir(),
    [set_dir(N, Dir) || N <- Nodes],
    ok = mnesia:create_schema(Nodes),
    [ok = rpc:call(N, ?MODULE, start_mnesia, []) || N <- Nodes],
    {atomic, ok} = mnesia:create_table(t, [{Storage, Nodes}]),
    ok = mnesia:wait_for_tables([t], 30000),
    Do(),
    [rpc:call(N, mnesia, stop, []) || N <- Nodes],
    file:del_dir_r(Dir).

total(1) -> n() div 256 * 8;
total(C) -> n() div (256 div C).

start_mnesia() -> mnesia:start().

set_dir(N, Dir) ->
    D = filename:join(Dir, atom_to_list(N)),
    ok = filelib:ensure_path(D),
    ok = rpc:call(N, application, set_env, [mnesia, dir, D]).

dir() ->
    filename:join(os:getenv("TMPDIR", "/tmp"), "banyan-bench-mnesia-" ++ os:getpid()).

%% Emulators beside this one. They are linked by their standard output, so they need no name server, and end with this one.
peers(0) -> [];
peers(K) ->
    Name = list_to_atom("db" ++ integer_to_list(K)),
    {ok, _, Node} = peer:start_link(#{name => Name, host => "127.0.0.1", longnames => true,
                                      args => ["-start_epmd", "false", "-pa", filename:dirname(code:which(?MODULE)), "-setcookie", atom_to_list(erlang:get_cookie())]}),
    [Node | peers(K - 1)].

phase(Clients, Total, Commit) ->
    Next = atomics:new(1, []),
    Value = binary:copy(<<0>>, 128),
    Start = erlang:monotonic_time(),
    Refs = [element(2, spawn_monitor(fun() -> client(Next, Total, Value, Commit, []) end)) || _ <- lists:seq(1, Clients)],
    Took = lists:append([receive {'DOWN', R, process, _, {took, L}} -> L end || R <- Refs]),
    Ns = erlang:convert_time_unit(erlang:monotonic_time() - Start, native, nanosecond),
    equal(transactions, length(Took), Total),
    C = integer_to_list(Clients),
    figure(["rate", C], Total * 1.0e9 / Ns),
    Sorted = list_to_tuple(lists:sort(Took)),
    figure(["p50_", C], element(1 + Total div 2, Sorted) / 1.0e6),
    figure(["p99_", C], element(1 + Total * 99 div 100, Sorted) / 1.0e6).

client(Next, Total, Value, Commit, Took) ->
    case atomics:add_get(Next, 1, 1) - 1 of
        I when I >= Total -> exit({took, Took});
        I ->
            Key = I * 7919 rem ?KEYS,
            Begun = erlang:monotonic_time(),
            Commit(fun() -> mnesia:write({t, Key, Value}) end),
            T = erlang:convert_time_unit(erlang:monotonic_time() - Begun, native, nanosecond),
            client(Next, Total, Value, Commit, [T | Took])
    end.
