# SPDX-License-Identifier: Apache-2.0
#
# An Elixir node that drives Banyan nodes: elixir --name ... interop.exs {visible|hidden} TARGET...
#
# It evaluates the lines of its standard input and prints what each gives behind "=> ". Interop.run/0 runs the scenarios of
# scenarios.exs, which are ExUnit tests: one module for each target, and all modules at once.

defmodule Interop.Lines do
  @moduledoc "A formatter of ExUnit that prints one line for each test: ok or FAILED, target, name."
  use GenServer

  @impl true
  def init(_), do: {:ok, 0}

  @impl true
  def handle_cast({:test_finished, %{state: {:excluded, _}}}, n), do: {:noreply, n}

  def handle_cast({:test_finished, %{state: nil} = test}, n) do
    IO.puts("ok #{test.tags.target} #{test.name}")
    {:noreply, n}
  end

  def handle_cast({:test_finished, %{state: {:failed, failures}} = test}, n) do
    text = ExUnit.Formatter.format_test_failure(test, failures, n + 1, 160, fn _, text -> text end)
    IO.puts("FAILED #{test.tags.target} #{test.name} #{inspect(String.slice(text, 0, 3000))}")
    {:noreply, n + 1}
  end

  # A module whose setup failed has no tests that finish.
  def handle_cast({:module_finished, %{state: {:failed, failures}} = module}, n) do
    IO.puts("FAILED module #{inspect(module.name)} #{inspect(failures)}")
    {:noreply, n + 1}
  end

  def handle_cast(_, n), do: {:noreply, n}
end

defmodule Interop.Server do
  @moduledoc "A GenServer for targets to call. It tells its owner what else it gets."
  use GenServer

  def start(owner, opts \\ []), do: GenServer.start(__MODULE__, owner, opts)

  @impl true
  def init(owner), do: {:ok, owner}

  @impl true
  def handle_call({:stop, reason}, _from, owner), do: {:stop, reason, owner}
  def handle_call(:who, {pid, _tag}, owner), do: {:reply, pid, owner}

  def handle_call({:later, value}, from, owner) do
    spawn(fn -> GenServer.reply(from, value) end)
    {:noreply, owner}
  end

  def handle_call(:never, _from, owner), do: {:noreply, owner}
  def handle_call(request, _from, owner), do: {:reply, {:was, request}, owner}

  @impl true
  def handle_cast(message, owner) do
    send(owner, {:cast, message})
    {:noreply, owner}
  end

  @impl true
  def handle_info(message, owner) do
    send(owner, {:info, message})
    {:noreply, owner}
  end
end

defmodule Interop.Order do
  defstruct [:id, :at, lines: [], paid: false]
end

defmodule Interop do
  def pong?(node), do: Node.ping(node) == :pong

  @doc "Asks a target's driver."
  def drive(target, request), do: GenServer.call({:driver, target}, request, 30_000)

  @doc "A counter of our own there."
  def counter(target), do: Node.spawn(target, :banyan, :counter, [])

  @doc "The pid of a process there that has ended."
  def dead_there(target) do
    pid = counter(target)
    ref = Process.monitor(pid)
    Process.exit(pid, :kill)
    reason_of(ref)
    pid
  end

  @doc "Whether the counter there is busy with a call: what is cast to it stays in its mailbox."
  def busy?(pid) do
    GenServer.cast(pid, {:add, 0})
    {:message_queue_len, n} = :erpc.call(node(pid), :erlang, :process_info, [pid, :message_queue_len])
    n > 0
  end

  @doc "Why the monitored process ended."
  def reason_of(ref) do
    receive do
      {:DOWN, ^ref, :process, _, reason} -> reason
    after
      20_000 -> :no_down
    end
  end

  @doc "What comes back from the target's echo, and from whom."
  def echo(target, value) do
    send({:echo, target}, {self(), value})

    receive do
      {:echo, pid, back} -> {pid, back}
    after
      20_000 -> :late
    end
  end

  @doc "A name that nobody else in the cluster uses."
  def unique(prefix), do: :"#{prefix}_#{node()}_#{System.unique_integer([:positive])}"

  @doc "What a call exits with."
  def exit_of(call) do
    call.()
  catch
    :exit, reason -> {:exit, reason}
  end

  @doc "True as soon as f says so, within some seconds."
  def wait(f, times \\ 500) do
    cond do
      f.() -> true
      times == 0 -> false
      true -> Process.sleep(20) && wait(f, times - 1)
    end
  end

  @doc "Runs the scenarios of all targets: the number of tests that were run, and of those that failed."
  def run(), do: run([])

  @doc "Runs those of these modules again. ExUnit would run what was never run before besides."
  def run(modules) do
    %{total: total, excluded: excluded, failures: failures} = ExUnit.run(modules)
    {total - excluded, failures}
  end

  @doc "Evaluates lines until there are no more."
  def loop() do
    case IO.gets("") do
      :eof ->
        System.halt(0)

      line ->
        value =
          try do
            {value, _} = Code.eval_string(line)
            value
          catch
            class, reason -> {class, reason}
          end

        IO.puts("=> " <> inspect(value, limit: :infinity, printable_limit: :infinity, width: :infinity))
        loop()
    end
  end
end

[kind | targets] = System.argv()
Application.put_env(:interop, :targets, Enum.map(targets, &String.to_atom/1))
{:ok, _} = :pg.start(:pg)
# What the Erlang nodes of the tests have, this one has too.
{:ok, module, beam} = :compile.file(String.to_charlist(Path.join(__DIR__, "interop.erl")), [:binary])
{:module, ^module} = :code.load_binary(module, 'interop', beam)
other = if kind == "visible", do: :hidden, else: :visible
# Seed 0: in the order of the file. Tests that need the target for themselves run only if it is the only one.
alone = if length(targets) == 1, do: [], else: [:alone]
ExUnit.start(autorun: false, formatters: [Interop.Lines], seed: 0, timeout: 60_000, exclude: [other | alone], max_cases: 4)
Code.require_file("scenarios.exs", __DIR__)
Interop.loop()
