# SPDX-License-Identifier: Apache-2.0
#
# What an Elixir user expects of a node, as ExUnit tests of a Banyan node. Those without a tag disturb nobody else who uses the
# target at the same time: they have processes and names of their own.

for {target, i} <- Enum.with_index(Application.get_env(:interop, :targets)) do
  defmodule Module.concat(Interop, "Target#{i}") do
    use ExUnit.Case, async: true
    import Interop

    @moduletag target: target
    @nobody :"nobody@127.0.0.1"

    setup %{target: target}, do: {:ok, t: target}

    # Being there.

    test "Node.ping", %{t: t}, do: assert(Node.ping(t) == :pong)
    test "Node.connect", %{t: t}, do: assert(Node.connect(t) == true)
    test "it pings back", %{t: t}, do: assert(drive(t, {:ping, node()}) == {:ok, :pong})
    test "Node.list(:connected)", %{t: t}, do: assert(pong?(t) and t in Node.list(:connected))
    @tag :visible
    test "Node.list(:visible)", %{t: t}, do: assert(pong?(t) and t in Node.list() and t not in Node.list(:hidden))
    @tag :hidden
    test "Node.list(:hidden)", %{t: t}, do: assert(pong?(t) and t in Node.list(:hidden) and t not in Node.list())

    # Terms, there and back.

    for {name, value} <- [
          atoms: quote(do: [nil, true, false, :ok, :"with blanks", :größe, Elixir, Interop.Order, :""]),
          integers: quote(do: [0, -1, 255, 256, -0x80000000, 0x7FFFFFFF, 2 ** 64, -(2 ** 200)]),
          floats: quote(do: [0.0, -0.0, 1.5, 1.0e308, 5.0e-324]),
          strings: quote(do: ["", "tea", "Grüße, 世界", <<0, 255>>, String.duplicate("x", 70_000)]),
          charlists: quote(do: ['', 'tea', 'Grüße', Enum.to_list(0..300)]),
          bitstrings: quote(do: [<<1::1>>, <<5::3>>, <<0xFFFF::13>>, <<1, 2, 3::7>>]),
          lists: quote(do: [[], [[]], [1 | 2], [:a, :b | "c"], Enum.to_list(1..1000)]),
          tuples: quote(do: [{}, {1}, {:ok, {:error, {}}}, List.to_tuple(Enum.to_list(1..300))]),
          maps: quote(do: [%{}, %{a: 1}, %{"a" => %{1 => [2]}, {1, 2} => nil, 1.0 => 1}, Map.new(1..100, &{&1, &1})]),
          "keyword lists": quote(do: [[a: 1, b: 2, a: 3], [{:"odd key", true}], [timeout: :infinity]]),
          structs: quote(do: [%Interop.Order{id: 7, at: ~U[2024-02-29 12:30:45.123456Z], lines: [item: "tea"]}]),
          times: quote(do: [~U[1969-12-31 23:59:59Z], ~D[2024-02-29], ~T[12:30:45.000001], ~N[2024-02-29 12:30:45]]),
          "structs of the library": quote(do: [1..10//3, MapSet.new([1, :a, "b"]), ~r/te+a/u, URI.parse("http://h:1/p?q"), %Version{major: 1, minor: 2, patch: 3}]),
          exceptions: quote(do: [%ArgumentError{message: "no"}, %KeyError{key: :a, term: %{}}, %ErlangError{original: :x}]),
          "pids and references": quote(do: [self(), make_ref(), :erlang.alias(), hd(Port.list()), Process.group_leader()]),
          captures: quote(do: [&String.upcase/1, &:lists.map/2, &Interop.unique/1]),
          "a tree": quote(do: Enum.reduce(1..5000, :leaf, &{&1, &2}))
        ] do
      test "echo: #{name}", %{t: t} do
        value = unquote(value)
        {_, back} = echo(t, value)
        assert back === value
      end
    end

    test "echo: a closure can still be called", %{t: t} do
      k = 5
      {_, f} = echo(t, fn x -> x + k end)
      assert f.(1) == 6
    end

    test "echo: 3 MB", %{t: t} do
      value = :crypto.strong_rand_bytes(3_000_000)
      {_, back} = echo(t, value)
      assert back == value
    end

    # Sending.

    test "send to a name", %{t: t} do
      {pid, :hi} = echo(t, :hi)
      assert node(pid) == t
    end

    test "send to a pid", %{t: t} do
      {pid, :hi} = echo(t, :hi)
      send(pid, {self(), :again})
      assert_receive {:echo, ^pid, :again}, 10_000
    end

    test "send to nobody is no error", %{t: t} do
      assert send({:nobody_here, t}, :hi) == :hi
      assert send(dead_there(t), :hi) == :hi
      assert {_, :still} = echo(t, :still)
    end

    test "Process.send with noconnect and nosuspend", %{t: t} do
      pong?(t)
      assert Process.send({:echo, t}, {self(), 1}, [:noconnect]) == :ok
      assert Process.send({:echo, t}, {self(), 2}, [:nosuspend]) == :ok
      assert_receive {:echo, _, 1}, 10_000
      assert_receive {:echo, _, 2}, 10_000
    end

    test "messages keep their order, large ones among them", %{t: t} do
      large = String.duplicate("x", 200_000)
      for i <- 1..200, do: send({:echo, t}, {self(), {i, if(rem(i, 20) == 0, do: large)}})

      for i <- 1..200 do
        assert_receive {:echo, _, {got, _}}, 20_000
        assert got == i
      end
    end

    test "100 processes at once", %{t: t} do
      1..100
      |> Enum.map(fn i -> Task.async(fn -> {_, ^i} = echo(t, i) end) end)
      |> Task.await_many(30_000)
    end

    test "an alias", %{t: t} do
      a = :erlang.alias()
      send({:echo, t}, {a, :one})
      assert_receive {:echo, _, :one}, 10_000
      assert :erlang.unalias(a)
      send({:echo, t}, {a, :two})
      assert {_, :three} = echo(t, :three)
      refute_received {:echo, _, :two}
    end

    test "an alias for one reply", %{t: t} do
      a = :erlang.alias([:reply])
      send({:echo, t}, {a, :one})
      send({:echo, t}, {a, :two})
      send({:echo, t}, {self(), :last})
      assert_receive {:echo, _, :one}, 10_000
      assert_receive {:echo, _, :last}, 10_000
      refute_received {:echo, _, :two}
    end

    test "a monitor with an alias that ends with the reply", %{t: t} do
      {pid, _} = echo(t, :hi)
      ref = :erlang.monitor(:process, pid, alias: :reply_demonitor)
      send(pid, {ref, :one})
      send(pid, {ref, :two})
      assert_receive {:echo, ^pid, :one}, 10_000
      assert {^pid, :last} = echo(t, :last)
      refute_received {:echo, _, :two}
      refute Process.demonitor(ref, [:info])
    end

    test "it sends to our pid and to our name", %{t: t} do
      name = unique(:here)
      Process.register(self(), name)
      assert {:ok, :ok} = drive(t, {:send_pid, self(), %{a: 1}})
      assert_receive %{a: 1}, 10_000
      assert {:ok, :ok} = drive(t, {:send_name, name, node(), "text"})
      assert_receive "text", 10_000
    end

    # GenServer, as a client.

    test "GenServer.call", %{t: t}, do: assert(GenServer.call(counter(t), {:add, 5}) == 5)

    test "GenServer.call by name", %{t: t}, do: assert(is_integer(GenServer.call({:counter, t}, :get)))

    test "GenServer.cast, then call", %{t: t} do
      pid = counter(t)
      assert GenServer.cast(pid, {:add, 2}) == :ok
      assert GenServer.call(pid, :get) == 2
    end

    test "GenServer.cast to nobody", %{t: t} do
      assert GenServer.cast({:nobody_here, t}, {:add, 2}) == :ok
    end

    test "GenServer.whereis", %{t: t}, do: assert(GenServer.whereis({:counter, t}) == {:counter, t})

    test "a request that does not fit is {:error, _}, and the server lives", %{t: t} do
      pid = counter(t)
      assert {:error, _} = GenServer.call(pid, {:add, "many"})
      assert {:error, _} = GenServer.call(pid, %{no: :such_request})
      assert GenServer.call(pid, {:add, 1}) == 1
    end

    test "a time-out exits as Elixir's", %{t: t} do
      pid = counter(t)
      assert {:exit, {:timeout, {GenServer, :call, [^pid, {:sleep, 300}, 30]}}} = exit_of(fn -> GenServer.call(pid, {:sleep, 300}, 30) end)
      # The late reply does not come, and the server goes on.
      assert GenServer.call(pid, {:add, 1}, 20_000) == 1
      refute_received _
    end

    test "a call of nobody", %{t: t} do
      assert {:exit, {:noproc, {GenServer, :call, [{:nobody_here, ^t}, :get, 5000]}}} = exit_of(fn -> GenServer.call({:nobody_here, t}, :get) end)
      dead = dead_there(t)
      assert {:exit, {:noproc, {GenServer, :call, [^dead, :get, 5000]}}} = exit_of(fn -> GenServer.call(dead, :get) end)
    end

    test "a call of a server that is killed meanwhile", %{t: t} do
      pid = counter(t)
      task = Task.async(fn -> exit_of(fn -> GenServer.call(pid, {:sleep, 20_000}, 30_000) end) end)
      assert wait(fn -> busy?(pid) end)
      Process.exit(pid, :kill)
      assert {:exit, {:killed, {GenServer, :call, _}}} = Task.await(task, 30_000)
    end

    test "GenServer.multi_call", %{t: t} do
      assert {[{^t, n}], [@nobody]} = GenServer.multi_call([t, @nobody], :counter, :get)
      assert is_integer(n)
      assert {[], [^t]} = GenServer.multi_call([t], :nobody_here, :get)
    end

    test "GenServer.multi_call with ourselves", %{t: t} do
      name = unique(:counter)
      {:ok, _} = Interop.Server.start(self(), name: name)
      {[{here, {:was, :get}}], [^t]} = GenServer.multi_call([node(), t], name, :get, 20_000)
      assert here == node()
    end

    test "GenServer.abcast", %{t: t} do
      assert GenServer.abcast([t, @nobody], :counter, {:add, 0}) == :abcast
    end

    test "GenServer.stop", %{t: t} do
      for reason <- [:normal, :shutdown, {:shutdown, :over}] do
        pid = counter(t)
        ref = Process.monitor(pid)
        assert GenServer.stop(pid, reason, 20_000) == :ok
        assert reason_of(ref) == reason
      end
    end

    test "50 tasks call one server", %{t: t} do
      pid = counter(t)
      totals = 1..50 |> Task.async_stream(fn _ -> GenServer.call(pid, {:add, 1}, 20_000) end, max_concurrency: 50, timeout: 30_000) |> Enum.map(fn {:ok, n} -> n end)
      assert Enum.sort(totals) == Enum.to_list(1..50)
    end

    test "send_request, and collections of requests", %{t: t} do
      pid = counter(t)
      assert {:reply, 1} = :gen_server.receive_response(:gen_server.send_request(pid, {:add, 1}), 20_000)
      ids = Enum.reduce(1..5, :gen_server.reqids_new(), &:gen_server.send_request(pid, {:add, 1}, &1, &2))

      {labels, ids} =
        Enum.map_reduce(1..5, ids, fn _, ids ->
          {{:reply, n}, label, ids} = :gen_server.receive_response(ids, 20_000, true)
          assert n == label + 1
          {label, ids}
        end)

      assert Enum.sort(labels) == [1, 2, 3, 4, 5]
      assert :gen_server.reqids_size(ids) == 0
    end

    # GenServer, as a server that the target calls.

    test "it calls our GenServer", %{t: t} do
      name = unique(:server)
      {:ok, pid} = Interop.Server.start(self(), name: name)
      assert drive(t, {:call, {name, node()}, %{q: 1}, 10_000}) == {:ok, {:was, %{q: 1}}}
      assert drive(t, {:call, pid, "q", 10_000}) == {:ok, {:was, "q"}}
      assert drive(t, {:call, pid, {:later, [1, 2]}, 10_000}) == {:ok, [1, 2]}
      assert {:ok, caller} = drive(t, {:call, pid, :who, 10_000})
      assert node(caller) == t
    end

    test "its call times out", %{t: t} do
      {:ok, pid} = Interop.Server.start(self())
      assert {:error, _} = drive(t, {:call, pid, :never, 50})
      assert drive(t, {:call, pid, :again, 10_000}) == {:ok, {:was, :again}}
    end

    test "its call of nobody, and of a server that stops", %{t: t} do
      assert {:error, _} = drive(t, {:call, {unique(:nobody), node()}, :q, 10_000})
      {:ok, pid} = Interop.Server.start(self())
      assert {:error, _} = drive(t, {:call, pid, {:stop, {:shutdown, :enough}}, 10_000})
      refute Process.alive?(pid)
    end

    test "it casts to our GenServer, and sends", %{t: t} do
      name = unique(:server)
      {:ok, pid} = Interop.Server.start(self(), name: name)
      assert {:ok, :ok} = drive(t, {:cast, {name, node()}, {:hello, "you"}})
      assert_receive {:cast, {:hello, "you"}}, 10_000
      assert {:ok, :ok} = drive(t, {:send_pid, pid, :plain})
      assert_receive {:info, :plain}, 10_000
    end

    # Monitors.

    test "Process.monitor, and why it ended", %{t: t} do
      for reason <- [:boom, {:shutdown, %{why: "tea"}}, %ArgumentError{message: "no"}, String.duplicate("x", 100_000)] do
        pid = counter(t)
        ref = Process.monitor(pid)
        Process.exit(pid, reason)
        assert reason_of(ref) == reason
      end
    end

    test "Process.monitor by name says so", %{t: t} do
      ref = Process.monitor({:nobody_here, t})
      assert_receive {:DOWN, ^ref, :process, {:nobody_here, ^t}, :noproc}, 10_000
    end

    test "Process.monitor of the dead", %{t: t} do
      pid = dead_there(t)
      ref = Process.monitor(pid)
      assert_receive {:DOWN, ^ref, :process, ^pid, :noproc}, 10_000
    end

    test "Process.demonitor", %{t: t} do
      pid = counter(t)
      ref = Process.monitor(pid)
      other = Process.monitor(pid)
      assert Process.demonitor(ref, [:flush, :info])
      Process.exit(pid, :kill)
      assert reason_of(other) == :killed
      refute_received {:DOWN, ^ref, _, _, _}
    end

    test "100 monitors, each of them once", %{t: t} do
      pids = for _ <- 1..100, do: counter(t)
      refs = for pid <- pids, do: Process.monitor(pid)
      for {pid, i} <- Enum.with_index(pids), do: Process.exit(pid, {:n, i})
      for {ref, i} <- Enum.with_index(refs), do: assert(reason_of(ref) == {:n, i})
      assert {_, :last} = echo(t, :last)
      refute_received {:DOWN, _, _, _, _}
    end

    test "it monitors our process, by pid and by name", %{t: t} do
      name = unique(:watched)
      {:ok, pid} = Interop.Server.start(self(), name: name)
      {:ok, one} = drive(t, {:monitor, pid})
      {:ok, two} = drive(t, {:monitor, {name, node()}})
      here = node()
      GenServer.stop(pid, {:shutdown, :done})
      assert_receive {:driver_event, {:down, ^one, ^pid, {:shutdown, :done}}}, 10_000
      assert_receive {:driver_event, {:down, ^two, {^name, ^here}, {:shutdown, :done}}}, 10_000
    end

    test "it takes its monitor back", %{t: t} do
      {:ok, pid} = Interop.Server.start(self())
      {:ok, ref} = drive(t, {:monitor, pid})
      assert {:ok, true} = drive(t, {:demonitor, ref})
      GenServer.stop(pid)
      assert {_, :last} = echo(t, :last)
      refute_received {:driver_event, _}
    end

    # Links and exits.

    test "Process.link, and why it ended", %{t: t} do
      Process.flag(:trap_exit, true)

      for reason <- [:normal, :shutdown, {:bad, [tea: 1]}] do
        pid = counter(t)
        Process.link(pid)
        if reason == :normal, do: GenServer.stop(pid), else: Process.exit(pid, reason)
        assert_receive {:EXIT, ^pid, ^reason}, 10_000
      end
    end

    test "our end is the end of who is linked there", %{t: t} do
      pid = counter(t)
      ref = Process.monitor(pid)

      spawn(fn ->
        Process.link(pid)
        GenServer.call(pid, :get)
        exit({:our, "end"})
      end)

      assert reason_of(ref) == {:our, "end"}
    end

    test "our normal end is not", %{t: t} do
      pid = counter(t)

      {ours, ref} =
        spawn_monitor(fn ->
          Process.link(pid)
          GenServer.call(pid, :get)
        end)

      assert reason_of(ref) == :normal
      refute Process.alive?(ours)
      assert GenServer.call(pid, {:add, 1}) == 1
    end

    test "Process.unlink", %{t: t} do
      Process.flag(:trap_exit, true)
      pid = counter(t)
      ref = Process.monitor(pid)
      Process.link(pid)
      Process.unlink(pid)
      Process.link(pid)
      Process.unlink(pid)
      Process.exit(pid, :gone)
      assert reason_of(ref) == :gone
      refute_received {:EXIT, ^pid, _}
    end

    test "Process.link to the dead", %{t: t} do
      Process.flag(:trap_exit, true)
      pid = dead_there(t)
      Process.link(pid)
      assert_receive {:EXIT, ^pid, :noproc}, 10_000
    end

    test "Process.exit with :normal does nothing, with :kill it kills", %{t: t} do
      pid = counter(t)
      Process.exit(pid, :normal)
      assert GenServer.call(pid, {:add, 1}) == 1
      ref = Process.monitor(pid)
      Process.exit(pid, :kill)
      assert reason_of(ref) == :killed
    end

    test "it links to us, and unlinks", %{t: t} do
      {:ok, one} = Interop.Server.start(self())
      {:ok, two} = Interop.Server.start(self())
      assert {:ok, true} = drive(t, {:link, one})
      assert {:ok, true} = drive(t, {:link, two})
      assert {:ok, true} = drive(t, {:unlink, two})
      GenServer.stop(two, {:shutdown, 2})
      GenServer.stop(one, {:shutdown, 1})
      assert_receive {:driver_event, {:exit, ^one, {:shutdown, 1}}}, 10_000
      refute_received {:driver_event, _}
    end

    test "it ends our process", %{t: t} do
      {pid, ref} = spawn_monitor(fn -> Process.sleep(:infinity) end)
      assert {:ok, _} = drive(t, {:exit, pid, {:by, "driver"}})
      assert reason_of(ref) == {:by, "driver"}
    end

    # Spawning.

    test "Node.spawn_monitor of a constructor", %{t: t} do
      {pid, ref} = Node.spawn_monitor(t, :banyan, :counter, [])
      assert node(pid) == t
      assert GenServer.call(pid, {:add, 3}) == 3
      Process.exit(pid, :kill)
      assert reason_of(ref) == :killed
    end

    test "Node.spawn_link of a constructor", %{t: t} do
      Process.flag(:trap_exit, true)
      pid = Node.spawn_link(t, :banyan, :counter, [])
      assert GenServer.call(pid, :get) == 0
      Process.exit(pid, :over)
      assert_receive {:EXIT, ^pid, :over}, 10_000
    end

    test "Node.spawn of what is not registered", %{t: t} do
      Process.flag(:trap_exit, true)
      pid = Node.spawn_link(t, System, :halt, [])
      assert_receive {:EXIT, ^pid, {:undef, [{System, :halt, [], []}]}}, 10_000
      {pid, ref} = Node.spawn_monitor(t, fn -> :ok end)
      assert node(pid) == t
      assert {:undef, _} = reason_of(ref)
    end

    test "spawn_request", %{t: t} do
      ref = :erlang.spawn_request(t, :banyan, :counter, [], [:monitor, reply_tag: :started])
      assert_receive {:started, ^ref, :ok, pid}, 10_000
      Process.exit(pid, :kill)
      assert reason_of(ref) == :killed
      ref = :erlang.spawn_request(t, :banyan, :counter, [], reply: :error_only)
      assert {_, :last} = echo(t, :last)
      refute_received {:spawn_reply, ^ref, _, _}
    end

    test "a spawned process has the leader of who spawned it", %{t: t} do
      {:ok, leader} = StringIO.open("")
      Process.group_leader(self(), leader)
      assert {:group_leader, ^leader} = :erpc.call(t, :erlang, :process_info, [counter(t), :group_leader])
    end

    test "it spawns here", %{t: t} do
      assert {:ok, pid} = drive(t, {:spawn, node(), Process, :sleep, [30_000]})
      assert Process.alive?(pid)
      assert {:ok, pid} = drive(t, {:spawn, node(), Kernel, :send, [self(), {:hello, t}]})
      assert node(pid) == node()
      assert_receive {:hello, ^t}, 10_000
    end

    # rpc and erpc.

    test ":rpc.call", %{t: t} do
      assert :rpc.call(t, :math, :add, [2, 3]) == 5
      assert {:badrpc, {:EXIT, {:undef, [{Interop, :none, [], []}]}}} = :rpc.call(t, Interop, :none, [])
      assert :rpc.call(t, :math, :crash, [:oops]) == {:badrpc, {:EXIT, :oops}}
      assert :rpc.call(t, :math, :raise, [:throw, "ball"]) == "ball"
      assert :rpc.call(t, :math, :slow, [500], 20) == {:badrpc, :timeout}
      assert :rpc.call(@nobody, :math, :add, [2, 3]) == {:badrpc, :nodedown}
    end

    test ":rpc.multicall, async_call, block_call, cast", %{t: t} do
      assert :rpc.multicall([t, @nobody], :math, :add, [1, 1]) == {[2], [@nobody]}
      assert :rpc.yield(:rpc.async_call(t, :math, :add, [1, 2])) == 3
      key = :rpc.async_call(t, :math, :slow, [30])
      assert {:value, :ok} = :rpc.nb_yield(key, 20_000)
      assert :rpc.block_call(t, :math, :add, [4, 5]) == 9
      assert :rpc.cast(t, :math, :add, [1, 1]) == true
    end

    test ":rpc.pmap is made of calls that others may serve", %{t: t} do
      assert for(k <- Enum.map(1..20, &:rpc.async_call(t, :math, :add, [&1, &1])), do: :rpc.yield(k)) == Enum.map(1..20, &(&1 * 2))
    end

    test ":erpc.call", %{t: t}, do: assert(:erpc.call(t, :math, :add, [2, 3]) == 5)

    test ":erpc.call raises as a local call would", %{t: t} do
      assert %ErlangError{original: {:exception, :undef, [{:math, :none, [1], []}]}} = catch_error_of(fn -> :erpc.call(t, :math, :none, [1]) end)
      assert %ErlangError{original: {:exception, :badarg, [{:math, :add, [:a, 1], [error_info: info]}]}} = catch_error_of(fn -> :erpc.call(t, :math, :add, [:a, 1]) end)
      assert %{argument: 1, cause: cause} = info
      assert cause =~ "want int"
      assert %ErlangError{original: {:exception, %ArgumentError{message: "no"}, _}} = catch_error_of(fn -> :erpc.call(t, :math, :raise, [:error, %ArgumentError{message: "no"}]) end)
      assert catch_throw(:erpc.call(t, :math, :raise, [:throw, [ball: 1]])) == [ball: 1]
      assert catch_exit(:erpc.call(t, :math, :raise, [:exit, {:bye, 1}])) == {:exception, {:bye, 1}}
      assert %ErlangError{original: {:erpc, :timeout}} = catch_error_of(fn -> :erpc.call(t, :math, :slow, [500], 20) end)
      assert %ErlangError{original: {:erpc, :noconnection}} = catch_error_of(fn -> :erpc.call(@nobody, :math, :add, [1, 1]) end)
      refute_received _
    end

    defp catch_error_of(f) do
      f.()
    rescue
      e -> e
    end

    test ":erpc.call of a fun is no function of the target's", %{t: t} do
      assert %ErlangError{original: {:exception, :undef, _}} = catch_error_of(fn -> :erpc.call(t, fn -> :ok end) end)
    end

    test ":erpc.multicall", %{t: t} do
      assert :erpc.multicall([t, node(), t], :erlang, :node, []) == [ok: t, ok: node(), ok: t]
      assert [{:ok, 3}, {:error, {:erpc, :noconnection}}] = :erpc.multicall([t, @nobody], :math, :add, [1, 2])
      assert [{:exit, {:exception, :oops}}] = :erpc.multicall([t], :math, :crash, [:oops])
    end

    test ":erpc.multicast and cast", %{t: t} do
      assert :erpc.multicast([t, @nobody], :math, :add, [1, 1]) == :ok
      assert :erpc.cast(t, :math, :add, [1, 1]) == :ok
    end

    test ":erpc.send_request, wait and check", %{t: t} do
      id = :erpc.send_request(t, :math, :slow, [50])
      assert :erpc.wait_response(id, 0) == :no_response
      assert :erpc.receive_response(id, 20_000) == :ok
      id = :erpc.send_request(t, :math, :add, [1, 1])
      assert_receive message, 10_000
      assert {:response, 2} = :erpc.check_response(message, id)
      assert :erpc.check_response(:another, id) == :no_response
    end

    test ":erpc, a collection of requests", %{t: t} do
      ids = Enum.reduce(1..20, :erpc.reqids_new(), &:erpc.send_request(t, :math, :add, [&1, 1], &1, &2))

      Enum.reduce(1..20, ids, fn _, ids ->
        {sum, label, ids} = :erpc.receive_response(ids, 20_000, true)
        assert sum == label + 1
        ids
      end)
    end

    test "200 calls at once", %{t: t} do
      sums = 1..200 |> Task.async_stream(&:erpc.call(t, :math, :add, [&1, 1]), max_concurrency: 50, timeout: 30_000) |> Enum.map(fn {:ok, n} -> n end)
      assert sums == Enum.to_list(2..201)
    end

    test "it calls our functions", %{t: t} do
      assert drive(t, {:rpc, node(), String, :upcase, ["tea"]}) == {:ok, "TEA"}
      assert drive(t, {:erpc, node(), Enum, :sum, [[1, 2, 3]]}) == {:ok, 6}
      assert {:error, _} = drive(t, {:erpc, node(), Interop, :none, []})
      assert {:error, _} = drive(t, {:erpc, node(), String, :to_integer, ["tea"]})
      assert {:error, _} = drive(t, {:erpc, @nobody, String, :upcase, ["tea"]})
    end

    # Groups.

    test ":pg, its members here", %{t: t} do
      assert wait(fn -> length(for p <- :pg.get_members(:workers), node(p) == t, do: p) == 2 end)
    end

    test ":pg, our members there", %{t: t} do
      group = {unique(:group), "any term", [1]}
      me = self()
      :ok = :pg.join(group, me)
      assert wait(fn -> drive(t, {:pg_members, group}) == {:ok, [me]} end)
      :ok = :pg.join(group, me)
      assert wait(fn -> drive(t, {:pg_members, group}) == {:ok, [me, me]} end)
      :ok = :pg.leave(group, [me, me])
      assert wait(fn -> drive(t, {:pg_members, group}) == {:ok, []} end)
    end

    test ":pg, who dies has left", %{t: t} do
      group = unique(:group)
      {:ok, pid} = Interop.Server.start(self())
      :ok = :pg.join(group, pid)
      assert wait(fn -> drive(t, {:pg_members, group}) == {:ok, [pid]} end)
      GenServer.stop(pid)
      assert wait(fn -> drive(t, {:pg_members, group}) == {:ok, []} end)
    end

    test ":pg.monitor of a group that it joins and leaves", %{t: t} do
      group = unique(:group)
      {ref, []} = :pg.monitor(:pg, group)
      {:ok, pid} = drive(t, :self)
      assert {:ok, _} = drive(t, {:pg_join, group})
      assert_receive {^ref, :join, ^group, [^pid]}, 10_000
      assert :pg.get_local_members(group) == []
      assert {:ok, _} = drive(t, {:pg_leave, group})
      assert_receive {^ref, :leave, ^group, [^pid]}, 10_000
    end

    # Global names and locks.

    @tag :visible
    test ":global, our name there", %{t: t} do
      name = {unique(:name), "any term"}
      me = self()
      assert :global.register_name(name, me) == :yes
      assert drive(t, {:global_whereis, name}) == {:ok, me}
      assert drive(t, {:global_register, name}) == {:ok, :no}
      :global.unregister_name(name)
      assert drive(t, {:global_whereis, name}) == {:ok, :undefined}
    end

    @tag :visible
    test ":global, its name here", %{t: t} do
      name = unique(:name)
      assert drive(t, {:global_register, name}) == {:ok, :yes}
      assert node(:global.whereis_name(name)) == t
      assert :global.register_name(name, self()) == :no
      {:ok, driver} = drive(t, :self)
      assert GenServer.call({:global, name}, :self) == {:ok, driver}
      assert GenServer.whereis({:global, name}) == driver
      assert {:ok, _} = drive(t, {:global_unregister, name})
      assert wait(fn -> GenServer.whereis({:global, name}) == nil end)
    end

    @tag :visible
    test ":global, a GenServer's name goes with it", %{t: t} do
      name = unique(:name)
      {:ok, pid} = Interop.Server.start(self(), name: {:global, name})
      assert drive(t, {:global_whereis, name}) == {:ok, pid}
      assert {:error, {:already_started, ^pid}} = Interop.Server.start(self(), name: {:global, name})
      GenServer.stop(pid)
      assert wait(fn -> drive(t, {:global_whereis, name}) == {:ok, :undefined} end)
    end

    @tag :visible
    test ":global.trans and set_lock", %{t: t} do
      id = {unique(:resource), self()}
      assert :global.trans(id, fn -> :done end, [node(), t]) == :done
      assert :global.set_lock(id, [node(), t], 0)
      refute :global.set_lock({elem(id, 0), :another}, [t], 0)
      assert :global.del_lock(id, [node(), t])
    end

    @tag :visible
    test ":global.sync", %{t: _}, do: assert(:global.sync() == :ok)

    # Looking into servers.

    test ":sys.get_state and get_status", %{t: t} do
      pid = counter(t)
      GenServer.call(pid, {:add, 7})
      assert :sys.get_state(pid, 20_000) |> inspect() =~ "7"
      assert {:status, ^pid, {:module, _}, _} = :sys.get_status(pid, 20_000)
    end

    test ":sys.suspend and resume", %{t: t} do
      pid = counter(t)
      assert :sys.suspend(pid) == :ok
      assert {:exit, {:timeout, _}} = exit_of(fn -> GenServer.call(pid, {:add, 1}, 50) end)
      assert :sys.resume(pid) == :ok
      assert GenServer.call(pid, {:add, 1}) == 2
    end

    # Input and output.

    test "IO.puts and IO.inspect to a device there", %{t: t} do
      user = :erpc.call(t, :erlang, :whereis, [:user])
      assert IO.puts(user, "puts: Grüße from #{node()}") == :ok
      assert IO.write(user, ["written ", ?a, "\n"]) == :ok
      assert IO.inspect(user, %{a: [1, "b"]}, label: "inspected by #{node()}") == %{a: [1, "b"]}
      assert :io.format(user, "~ts ~p~n", ["formatted by #{node()}", {:ok, 1.5}]) == :ok
    end

    test "a process whose group leader is there prints there", %{t: t} do
      Process.group_leader(self(), :erpc.call(t, :erlang, :whereis, [:user]))
      assert IO.puts("led: #{node()}") == :ok
    end

    test "it writes to our StringIO, and reads from it", %{t: t} do
      {:ok, device} = StringIO.open("one\ntwo")
      assert {:ok, :ok} = drive(t, {:put_chars, device, "Grüße\n"})
      assert {:ok, "one\n"} = drive(t, {:get_line, device, "> "})
      assert {:ok, "two"} = drive(t, {:get_line, device, "> "})
      assert {:error, _} = drive(t, {:get_line, device, "> "})
      assert {"", "Grüße\n" <> _} = StringIO.contents(device)
    end

    # Ends. These cut the link, so nobody else may use it.

    @tag :alone
    test "Node.monitor and Node.disconnect", %{t: t} do
      pong?(t)
      assert Node.monitor(t, true)
      assert Node.disconnect(t)
      assert_receive {:nodedown, ^t}, 10_000
      assert Node.ping(t) == :pong
    end

    @tag :alone
    test "the first message of a link is encoded before the handshake", %{t: t} do
      {pid, _} = echo(t, :hi)

      for value <- [<<1::1>>, &:lists.map/2, String.duplicate("x", 300_000), %{a: fn -> 1 end}], to <- [{:echo, t}, pid] do
        Node.disconnect(t)
        send(to, {self(), value})
        assert_receive {:echo, ^pid, ^value}, 10_000
      end
    end

    @tag :alone
    test ":net_kernel.monitor_nodes", %{t: t} do
      pong?(t)
      :ok = :net_kernel.monitor_nodes(true, node_type: :all)
      Node.disconnect(t)
      assert_receive {:nodedown, ^t, [node_type: _]}, 10_000
      assert wait(fn -> pong?(t) end)
      assert_receive {:nodeup, ^t, [node_type: _]}, 10_000
      :ok = :net_kernel.monitor_nodes(false, node_type: :all)
    end

    @tag :alone
    test "calls, links and monitors end with the link", %{t: t} do
      Process.flag(:trap_exit, true)
      pid = counter(t)
      Process.link(pid)
      ref = Process.monitor(pid)
      task = Task.async(fn -> exit_of(fn -> GenServer.call(pid, {:sleep, 10_000}, 20_000) end) end)
      assert wait(fn -> busy?(pid) end)
      Node.disconnect(t)
      assert {:exit, {{:nodedown, ^t}, _}} = Task.await(task)
      assert reason_of(ref) == :noconnection
      assert_receive {:EXIT, ^pid, :noconnection}, 10_000
      assert Node.ping(t) == :pong
    end

    @tag :alone
    test "it hears of our end of the link", %{t: t} do
      {:ok, pid} = Interop.Server.start(self())
      {:ok, ref} = drive(t, {:monitor, pid})
      {:ok, true} = drive(t, {:monitor_node, node()})
      here = node()
      Node.disconnect(t)
      # It tells us over a new link.
      assert_receive {:driver_event, {:down, ^ref, ^pid, :noconnection}}, 10_000
      assert_receive {:driver_event, {:nodedown, ^here}}, 10_000
    end
  end
end
