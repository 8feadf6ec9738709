// SPDX-License-Identifier: Apache-2.0

package main

// scenario is one thing that a real node does with the target, and the result as ~0p prints it. T is the target's name, D its
// driver, OTHER a second Erlang node. Cases run in order on one node.
type scenario struct {
	name, expr, want string
	only             string // "visible": not over a hidden link
}

// drive asks the driver.
const drive = "(fun(Q) -> gen_server:call({driver, T}, Q, 15000) end)"

// scenarios are in our own words what a user of OTP expects of a node: the topics of erl_distribution, gen_server, process,
// monitor, link and signal, erpc, rpc, pg, global and the io protocol.
var scenarios = []scenario{
	// Being there.
	{"ping", "net_adm:ping(T)", "pong", ""},
	{"seen in nodes()", "lists:member(T, nodes())", "true", "visible"},
	{"connected", "lists:member(T, nodes(connected))", "true", ""},
	{"ping back", drive + "({ping, node()})", "{ok,pong}", ""},
	{"ping of nobody", drive + "({ping, 'nobody@127.0.0.1'})", "{ok,pang}", ""},
	{"the driver's nodes", "{ok, L} = " + drive + "(nodes), lists:member(node(), L)", "true", ""},
	{"the driver's pid is of the target", "{ok, P} = " + drive + "(self), node(P) =:= T", "true", ""},

	// Sending.
	{"send by name", "{echo, T} ! {self(), hi}, receive {echo, P, hi} -> node(P) =:= T after 5000 -> late end", "true", ""},
	{"send by pid", "{echo, T} ! {self(), one}, P = receive {echo, E, one} -> E end, P ! {self(), two}, receive {echo, P, two} -> ok after 5000 -> late end", "ok", ""},
	{"send to an alias", "A = alias(), {echo, T} ! {A, hi}, receive {echo, _, hi} -> unalias(A) after 5000 -> late end", "true", ""},
	{"a gone alias gets nothing", "A = alias(), unalias(A), {echo, T} ! {A, hi}, {echo, T} ! {self(), last}, receive {echo, _, M} -> M after 5000 -> late end", "last", ""},
	{"what echo does not know it ignores", "{echo, T} ! nonsense, {echo, T} ! {1, 2}, {echo, T} ! {self(), still}, receive {echo, _, M} -> M after 5000 -> late end", "still", ""},
	{"all kinds of terms come back", "L = [0, -1, 255, 256, 1 bsl 70, -(1 bsl 70), 1.5, -0.0, atom, 'Ünï', \"text\", [1|2], <<1,2,3>>, <<1:3>>, {}, {a}, #{}, #{a => #{1 => 2}}, self(), make_ref(), fun erlang:abs/1, [], [[]], list_to_tuple(lists:seq(1, 300)), lists:seq(1, 1000), hd(erlang:ports())], {echo, T} ! {self(), L}, receive {echo, _, M} -> M =:= L after 5000 -> late end", "true", ""},
	{"a fun survives", "K = 5, F = fun(X) -> X + K end, {echo, T} ! {self(), F}, receive {echo, _, G} -> {G =:= F, G(1)} after 5000 -> late end", "{true,6}", ""},
	{"5 MB", "B = crypto_free(5000000), {echo, T} ! {self(), B}, receive {echo, _, C} -> C =:= B after 20000 -> late end", "true", ""},
	{"5000 messages in order", "[{echo, T} ! {self(), I} || I <- lists:seq(1, 5000)], [receive {echo, _, J} -> J after 5000 -> late end || _ <- lists:seq(1, 5000)] =:= lists:seq(1, 5000)", "true", ""},
	{"big and small keep their order", "B = binary:copy(<<7>>, 300000), [{echo, T} ! {self(), {I, case I rem 3 of 0 -> B; _ -> s end}} || I <- lists:seq(1, 60)], [receive {echo, _, {J, _}} -> J after 5000 -> late end || _ <- lists:seq(1, 60)] =:= lists:seq(1, 60)", "true", ""},
	{"to nobody is dropped", "{nobody_here, T} ! x, net_adm:ping(T)", "pong", ""},
	{"the target sends by pid", drive + "({send_pid, self(), {a, 1}}), receive {a, N} -> N after 5000 -> late end", "1", ""},
	{"the target sends by name", "register(here, self()), " + drive + "({send_name, here, node(), {b, 2}}), unregister(here), receive {b, N} -> N after 5000 -> late end", "2", ""},

	// gen_server.
	{"call", "gen_server:call({counter, T}, {add, 5})", "5", ""},
	{"cast then call", "gen_server:cast({counter, T}, {add, 2}), gen_server:call({counter, T}, get)", "7", ""},
	{"call by pid", "P = rpc:call(T, erlang, whereis, [counter]), gen_server:call(P, get)", "7", ""},
	{"what it does not know is an error at once", "element(1, gen_server:call({counter, T}, nonsense))", "error", ""},
	{"an argument of the wrong kind is told", "element(1, gen_server:call({counter, T}, {add, many}))", "error", ""},
	{"time-out", "try gen_server:call({counter, T}, {sleep, 400}, 50) catch exit:{R, _} -> R end", "timeout", ""},
	{"late replies do not come", "receive M -> M after 600 -> nothing end", "nothing", ""},
	{"sleep", "gen_server:call({counter, T}, {sleep, 10})", "ok", ""},
	{"nobody", "try gen_server:call({nobody_here, T}, x) catch exit:{R, _} -> R end", "noproc", ""},
	{"multi_call", "{[{T, 7}], [B]} = gen_server:multi_call([T, 'nobody@127.0.0.1'], counter, get), B", "'nobody@127.0.0.1'", ""},
	{"abcast", "gen_server:abcast([T], counter, {add, 1}), gen_server:call({counter, T}, get)", "8", ""},
	{"send_request", "R = gen_server:send_request({counter, T}, get), gen_server:receive_response(R, 5000)", "{reply,8}", ""},
	{"the target calls", drive + "({call, {counter_here, node()}, get, 5000})", "{ok,{was,get}}", ""},
	{"the target's call times out", "element(1, " + drive + "({call, {slow_here, node()}, get, 100}))", "error", ""},
	{"the target calls nobody", "{error, _} = " + drive + "({call, {nobody_here, node()}, get, 5000}), ok", "ok", ""},
	{"the target casts", "register(here, self()), " + drive + "({cast, {here, node()}, hello}), unregister(here), receive {'$gen_cast', M} -> M after 5000 -> late end", "hello", ""},

	// Monitors and links, both ways.
	{"monitor by name, exit reason", "M = monitor(process, {exiter, T}), {exiter, T} ! {exit, {why, 1}}, receive {'DOWN', M, process, W, R} -> {W =:= {exiter, T}, R} after 5000 -> late end", "{true,{why,1}}", ""},
	{"back under its name", "wait(fun() -> is_pid(rpc:call(T, erlang, whereis, [exiter])) end)", "true", ""},
	{"monitor by pid, normal", "P = rpc:call(T, erlang, whereis, [exiter]), M = monitor(process, P), P ! {exit, normal}, receive {'DOWN', M, process, P, R} -> R after 5000 -> late end", "normal", ""},
	{"monitor of a dead process", "P = dead_there(T), M = monitor(process, P), receive {'DOWN', M, process, P, R} -> R after 5000 -> late end", "noproc", ""},
	{"monitor of nobody", "M = monitor(process, {nobody_here, T}), receive {'DOWN', M, process, _, R} -> R after 5000 -> late end", "noproc", ""},
	{"demonitor", "wait(fun() -> is_pid(rpc:call(T, erlang, whereis, [exiter])) end), M = monitor(process, {exiter, T}), demonitor(M, [flush]), {exiter, T} ! {exit, x}, receive {'DOWN', M, _, _, _} -> down after 300 -> none end", "none", ""},
	{"link", "wait(fun() -> is_pid(rpc:call(T, erlang, whereis, [exiter])) end), process_flag(trap_exit, true), P = rpc:call(T, erlang, whereis, [exiter]), link(P), P ! {exit, {l, 2}}, R = receive {'EXIT', P, W} -> W after 5000 -> late end, process_flag(trap_exit, false), R", "{l,2}", ""},
	{"link to the dead", "process_flag(trap_exit, true), P = dead_there(T), link(P), R = receive {'EXIT', P, W} -> W after 5000 -> late end, process_flag(trap_exit, false), R", "noproc", ""},
	{"unlink", "wait(fun() -> is_pid(rpc:call(T, erlang, whereis, [exiter])) end), process_flag(trap_exit, true), P = rpc:call(T, erlang, whereis, [exiter]), link(P), unlink(P), link(P), unlink(P), P ! {exit, gone}, R = receive {'EXIT', P, W} -> W after 300 -> none end, process_flag(trap_exit, false), R", "none", ""},
	{"exit/2 ends it", "wait(fun() -> is_pid(rpc:call(T, erlang, whereis, [exiter])) end), P = rpc:call(T, erlang, whereis, [exiter]), M = monitor(process, P), exit(P, {from, afar}), receive {'DOWN', M, process, P, R} -> R after 5000 -> late end", "{from,afar}", ""},
	{"exit/2 normal does not", "wait(fun() -> is_pid(rpc:call(T, erlang, whereis, [exiter])) end), P = rpc:call(T, erlang, whereis, [exiter]), M = monitor(process, P), exit(P, normal), R = receive {'DOWN', M, process, P, W} -> W after 300 -> lives end, demonitor(M, [flush]), R", "lives", ""},
	{"kill", "P = rpc:call(T, erlang, whereis, [exiter]), M = monitor(process, P), exit(P, kill), receive {'DOWN', M, process, P, R} -> R after 5000 -> late end", "killed", ""},
	{"the target monitors", "P = spawn(fun() -> receive stop -> exit(stopped) end end), {ok, Ref} = " + drive + "({monitor, P}), P ! stop, receive {driver_event, {down, Ref, P, R}} -> R after 5000 -> late end", "stopped", ""},
	{"the target monitors a name", "P = spawn(fun() -> receive stop -> exit(stopped) end end), register(watched, P), {ok, Ref} = " + drive + "({monitor, {watched, node()}}), P ! stop, receive {driver_event, {down, Ref, O, R}} -> {O =:= {watched, node()}, R} after 5000 -> late end", "{true,stopped}", ""},
	{"the target demonitors", "P = spawn(fun() -> receive stop -> exit(stopped) end end), {ok, Ref} = " + drive + "({monitor, P}), {ok, true} = " + drive + "({demonitor, Ref}), P ! stop, receive {driver_event, E} -> E after 300 -> none end", "none", ""},
	{"the target links", "P = spawn(fun() -> receive stop -> exit({s, 1}) end end), {ok, true} = " + drive + "({link, P}), P ! stop, receive {driver_event, {exit, P, R}} -> R after 5000 -> late end", "{s,1}", ""},
	{"the target unlinks", "P = spawn(fun() -> receive stop -> exit({s, 1}) end end), {ok, true} = " + drive + "({link, P}), {ok, true} = " + drive + "({unlink, P}), P ! stop, receive {driver_event, E} -> E after 300 -> none end", "none", ""},
	{"the target sends exit signals", "P = spawn(fun() -> receive never -> ok end end), M = monitor(process, P), {ok, _} = " + drive + "({exit, P, {by, driver}}), receive {'DOWN', M, process, P, R} -> R after 5000 -> late end", "{by,driver}", ""},

	// rpc, erpc.
	{"rpc:call", "rpc:call(T, math, add, [2, 3])", "5", ""},
	{"rpc:call, no such function", "rpc:call(T, math, nothing, [1])", "{badrpc,{'EXIT',{undef,[{math,nothing,[1],[]}]}}}", ""},
	{"rpc:call, exit", "rpc:call(T, math, crash, [oops])", "{badrpc,{'EXIT',oops}}", ""},
	{"rpc:call, time-out", "rpc:call(T, math, slow, [500], 50)", "{badrpc,timeout}", ""},
	{"rpc:call, too few arguments", "element(1, rpc:call(T, math, add, [1]))", "badrpc", ""},
	{"rpc:cast", "rpc:cast(T, math, add, [1, 2])", "true", ""},
	{"rpc:block_call", "rpc:block_call(T, math, add, [4, 5])", "9", ""},
	{"rpc:multicall", "rpc:multicall([T, 'nobody@127.0.0.1'], math, add, [1, 1])", "{[2],['nobody@127.0.0.1']}", ""},
	{"rpc:async_call", "K = rpc:async_call(T, math, add, [1, 1]), rpc:yield(K)", "2", ""},
	{"erpc:call", "erpc:call(T, math, add, [1, 1])", "2", ""},
	{"erpc:call, undef", "try erpc:call(T, math, nothing, [1]) catch C:R -> {C, R} end", "{error,{exception,undef,[{math,nothing,[1],[]}]}}", ""},
	{"erpc:call, exit", "try erpc:call(T, math, crash, [oops]) catch C:R -> {C, R} end", "{exit,{exception,oops}}", ""},
	{"erpc:call, error", "try erpc:call(T, math, raise, [error, boom]) catch error:{exception, R, _} -> R end", "boom", ""},
	{"erpc:call, throw", "try erpc:call(T, math, raise, [throw, ball]) catch throw:R -> R end", "ball", ""},
	{"erpc:call, raised exit", "try erpc:call(T, math, raise, [exit, bye]) catch exit:R -> R end", "{exception,bye}", ""},
	{"erpc:call, badarg", "try erpc:call(T, math, add, [a, 1]) catch error:{exception, R, _} -> R end", "badarg", ""},
	{"erpc:call, time-out", "try erpc:call(T, math, slow, [500], 50) catch C:R -> {C, R} end", "{error,{erpc,timeout}}", ""},
	{"erpc:multicall", "erpc:multicall([T, T], math, add, [1, 2])", "[{ok,3},{ok,3}]", ""},
	{"erpc:cast", "erpc:cast(T, math, add, [1, 2])", "ok", ""},
	{"erpc:send_request", "R = erpc:send_request(T, math, slow, [20]), erpc:receive_response(R)", "ok", ""},
	{"big result", "byte_size(iolist_to_binary(io_lib:format(\"~p\", [erpc:call(T, erlang, node, [])]))) > 0", "true", ""},
	{"erlang:node/0", "rpc:call(T, erlang, node, []) =:= T", "true", ""},
	{"erlang:nodes/1", "lists:member(node(), rpc:call(T, erlang, nodes, [connected]))", "true", ""},
	{"erlang:whereis/1", "{node(rpc:call(T, erlang, whereis, [echo])) =:= T, rpc:call(T, erlang, whereis, [nobody_here])}", "{true,undefined}", ""},
	{"erlang:byte_size/1", "rpc:call(T, erlang, byte_size, [<<1,2,3>>])", "3", ""},
	{"erlang:function_exported/3", "{rpc:call(T, erlang, function_exported, [math, add, 2]), rpc:call(T, erlang, function_exported, [math, add, 3])}", "{true,false}", ""},
	{"erlang:process_info/2", "rpc:call(T, erlang, process_info, [rpc:call(T, erlang, whereis, [echo]), registered_name])", "{registered_name,echo}", ""},
	{"erlang:process_info/1", "is_list(rpc:call(T, erlang, process_info, [rpc:call(T, erlang, whereis, [echo])]))", "true", ""},
	{"erlang:system_info/1", "is_integer(rpc:call(T, erlang, system_info, [process_count]))", "true", ""},
	{"erlang:memory/0", "is_integer(proplists:get_value(total, rpc:call(T, erlang, memory, [])))", "true", ""},
	{"erlang:processes/0", "lists:all(fun(P) -> node(P) =:= T end, rpc:call(T, erlang, processes, []))", "true", ""},
	{"erlang:registered/0", "[] =:= [echo, counter, driver, exiter] -- [exiter | rpc:call(T, erlang, registered, [])]", "true", ""},
	{"os:cmd is nobody's", "rpc:call(T, os, cmd, [\"true\"])", "{badrpc,{'EXIT',{undef,[{os,cmd,[\"true\"],[]}]}}}", ""},
	{"the target's rpc", drive + "({rpc, node(), erlang, abs, [-3]})", "{ok,3}", ""},
	{"the target's erpc", drive + "({erpc, node(), lists, seq, [1, 3]})", "{ok,[1,2,3]}", ""},
	{"the target's rpc, undef", "element(1, " + drive + "({rpc, node(), nobody, f, []}))", "error", ""},
	{"the target's erpc, exit", "element(1, " + drive + "({erpc, node(), erlang, exit, [x]}))", "error", ""},
	{"the target's rpc to nowhere", "element(1, " + drive + "({rpc, 'nobody@127.0.0.1', erlang, node, []}))", "error", ""},

	// Spawning.
	{"spawn of an unknown function", "{P, M} = spawn_monitor(T, nobody, f, [1]), receive {'DOWN', M, process, P, R} -> R after 5000 -> late end", "{undef,[{nobody,f,[1],[]}]}", ""},
	{"spawn of a fun", "{P, M} = spawn_monitor(T, fun() -> ok end), receive {'DOWN', M, process, P, R} -> element(1, R) after 5000 -> late end", "undef", ""},
	{"spawn_link", "process_flag(trap_exit, true), P = spawn_link(T, nobody, f, []), R = receive {'EXIT', P, W} -> element(1, W) after 5000 -> late end, process_flag(trap_exit, false), R", "undef", ""},
	{"spawn of a constructor", "{P, M} = spawn_monitor(T, banyan, counter, []), X = gen_server:call(P, {add, 3}), exit(P, kill), receive {'DOWN', M, process, P, R} -> {X, R} after 5000 -> late end", "{3,killed}", ""},
	{"spawn_request", "R = spawn_request(T, banyan, counter, [], [monitor]), P = receive {spawn_reply, R, ok, Q} -> Q after 5000 -> late end, exit(P, kill), receive {'DOWN', R, process, P, W} -> W after 5000 -> late end", "killed", ""},
	{"spawn_request, a bad option", "R = spawn_request(T, banyan, counter, [], [nonsense]), receive {spawn_reply, R, error, W} -> W after 5000 -> late end", "badopt", ""},
	{"the target spawns", "{ok, P} = " + drive + "({spawn, node(), timer, sleep, [10000]}), is_process_alive(P)", "true", ""},

	// Output.
	{"io:format there prints here", "rpc:call(T, io, format, [\"\"])", "ok", ""},
	{"io:put_chars there", "rpc:call(T, io, put_chars, [<<>>])", "ok", ""},
	{"the target writes to a leader here", "GL = leader(self()), {ok, _} = " + drive + "({put_chars, GL, <<\"hello\">>}), receive {put, C} -> C after 5000 -> late end", "<<\"hello\">>", ""},
	{"the target reads a line from a leader here", "GL = leader(self()), " + drive + "({get_line, GL, <<\"> \">>})", "{ok,<<\"a line\\n\">>}", ""},

	// pg.
	{"pg over rpc", "length(rpc:call(T, pg, get_members, [workers]))", "2", ""},
	{"pg over rpc, with scope", "length(rpc:call(T, pg, get_members, [pg, workers]))", "2", ""},
	{"pg: theirs here", "wait(fun() -> [] =/= [P || P <- pg:get_members(workers), node(P) =:= T] end)", "true", ""},
	{"pg: ours there", "pg:join(mine, self()), wait(fun() -> " + drive + "({pg_members, mine}) =:= {ok, [self()]} end)", "true", ""},
	{"pg: leaving is seen", "pg:leave(mine, self()), wait(fun() -> " + drive + "({pg_members, mine}) =:= {ok, []} end)", "true", ""},
	{"pg: the driver joins", "{ok, _} = " + drive + "({pg_join, drivers}), wait(fun() -> [node(P) || P <- pg:get_members(drivers)] =:= [T] end)", "true", ""},
	{"pg: the driver leaves", "{ok, _} = " + drive + "({pg_leave, drivers}), wait(fun() -> pg:get_members(drivers) =:= [] end)", "true", ""},

	// global.
	{"global:sync", "global:sync()", "ok", "visible"},
	{"global: registered here, seen there", "yes = global:register_name(mine, self()), {ok, P} = " + drive + "({global_whereis, mine}), P =:= self()", "true", "visible"},
	{"global: unregistered here, gone there", "global:unregister_name(mine), " + drive + "({global_whereis, mine})", "{ok,undefined}", "visible"},
	{"global: registered there, seen here", "{ok, yes} = " + drive + "({global_register, theirs}), node(global:whereis_name(theirs)) =:= T", "true", "visible"},
	{"global: send", "global:send(theirs, hello), is_pid(global:whereis_name(theirs))", "true", "visible"},
	{"global: registered twice", drive + "({global_register, theirs})", "{ok,no}", "visible"},
	{"global: unregistered there, gone here", "{ok, _} = " + drive + "({global_unregister, theirs}), wait(fun() -> global:whereis_name(theirs) =:= undefined end)", "true", "visible"},
	{"global: locks", "global:set_lock({res, self()}, [node(), T], 0) andalso global:del_lock({res, self()}, [node(), T])", "true", "visible"},
	{"global: trans", "global:trans({res, self()}, fun() -> done end)", "done", "visible"},

	// sys.
	{"sys:get_state", "is_tuple({sys:get_state({counter, T})})", "true", ""},
	{"sys:suspend and resume", "ok = sys:suspend({counter, T}), R = (catch gen_server:call({counter, T}, get, 100)), ok = sys:resume({counter, T}), {element(1, R), is_integer(gen_server:call({counter, T}, get))}", "{'EXIT',true}", ""},
	{"sys:get_status", "element(1, sys:get_status({counter, T}))", "status", ""},

	// Ends.
	{"disconnect, and come again", "erlang:disconnect_node(T), net_adm:ping(T)", "pong", ""},
	{"monitor_node from here", "erlang:monitor_node(T, true), erlang:disconnect_node(T), R = receive {nodedown, N} -> N =:= T after 5000 -> late end, net_adm:ping(T), R", "true", ""},
	{"monitors end with the link", "net_adm:ping(T), M = monitor(process, {echo, T}), erlang:disconnect_node(T), R = receive {'DOWN', M, process, _, W} -> W after 5000 -> late end, net_adm:ping(T), R", "noconnection", ""},
	{"the target sees nodes go", "{ok, true} = " + drive + "({monitor_node, OTHER}), {ok, true} = " + drive + "({disconnect, OTHER}), receive {driver_event, {nodedown, OTHER}} -> ok after 5000 -> late end", "ok", ""},
}
