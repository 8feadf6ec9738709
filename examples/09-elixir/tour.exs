# SPDX-License-Identifier: Apache-2.0
#
# What an Elixir node does with a Go node. The Go program of this chapter starts it; by hand it is, beside
# `go run ./examples/09-elixir -serve`:
#
#     elixir --name till@127.0.0.1 --cookie elixir-example -r shop.ex tour.exs go@127.0.0.1

defmodule Tour do
  def show(text, value), do: IO.puts("#{text} -> #{inspect(value)}")

  # What a call exits with: GenServer.call exits when there is no answer.
  def exit_of(call) do
    call.()
  catch
    :exit, {reason, {GenServer, :call, _}} -> reason
  end

  # Why the monitored process ended.
  def reason_of(ref) do
    receive do
      {:DOWN, ^ref, :process, _pid, reason} -> reason
    end
  end

  # Waits until the server is back under its name, with another pid.
  def wait_for_another(go, old) do
    case :erpc.call(go, :erlang, :whereis, [:stock]) do
      new when is_pid(new) and new != old -> new
      _ -> wait_for_another(go, old)
    end
  end
end

[go] = Enum.map(System.argv(), &String.to_atom/1)
stock = {:stock, go}

# The Go node is a node like any other.
Tour.show("Node.connect", Node.connect(go))
Node.monitor(go, true)

# Its server is a GenServer like any other: tuples, atoms, maps.
Tour.show("take 2 tea", GenServer.call(stock, {:take, "tea", 2}))
GenServer.cast(stock, {:refill, "cake", 3})
Tour.show("what is left", GenServer.call(stock, :left))

# A struct goes out, another comes back.
order = %Shop.Order{item: "tea", count: 3, at: ~U[2024-02-29 12:30:00Z], gift: true, notes: [ribbon: :red, hurry: true]}
Tour.show("an order", GenServer.call(stock, order))

# Go's options are a keyword list. What is left out has its default.
Tour.show("find", GenServer.call(stock, {:find, [at_least: 5]}))

# An error of Go is {:error, reason}: an atom if it was registered, and it never ends the server.
Tour.show("take 99 tea", GenServer.call(stock, {:take, "tea", 99}))
Tour.show("take two tea", GenServer.call(stock, {:take, "tea", :two}))
Tour.show("what is this", GenServer.call(stock, {:steal, "tea"}))

# Calls time out here, as always; the late reply is dropped.
Tour.show("count slowly", Tour.exit_of(fn -> GenServer.call(stock, {:count_slowly, 500}, 50) end))

# A panic of Go ends its process. The caller sees an exit, a monitor sees the same reason, and the supervisor starts another.
pid = :erpc.call(go, :erlang, :whereis, [:stock])
ref = Process.monitor(pid)

{:panic, text, _stack} = Tour.exit_of(fn -> GenServer.call(stock, :drop) end)
Tour.show("drop", {:panic, text})

{:panic, text, _stack} = Tour.reason_of(ref)
Tour.show("monitor", {:DOWN, text})

Tour.wait_for_another(go, pid)
Tour.show("back again, with", GenServer.call(stock, :left))

# Functions: what Go has registered can be called, and nothing else can.
Tour.show(":erpc.call", :erpc.call(go, :shop, :price, ["tea", [count: 2]]))
Tour.show(":rpc.call of another", :rpc.call(go, :os, :cmd, ['id']))
Tour.show(":erpc.multicall", :erpc.multicall([go, node()], :erlang, :node, []))

# Now it is Go's turn: it calls our till.
{:ok, _} = Shop.Till.start(currency: :eur)
IO.puts("the till is open")

receive do
  {:nodedown, ^go} -> IO.puts("the Go node has gone")
end
