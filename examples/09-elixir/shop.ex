# SPDX-License-Identifier: Apache-2.0
#
# The Elixir half of chapter 9: two structs that both sides know, and a GenServer that Go calls.

defmodule Shop.Order do
  # In Go: type Order struct, registered as "%Shop.Order".
  defstruct [:item, :count, :at, gift: false, notes: []]
end

defmodule Shop.Receipt do
  # In Go: type Receipt struct, registered as "%Shop.Receipt".
  defstruct [:item, :cents, :due, :status]
end

defmodule Shop.Till do
  @moduledoc "A GenServer like any other. Nothing in it knows that its callers may be written in Go."
  use GenServer

  def start(opts), do: GenServer.start(__MODULE__, opts, name: __MODULE__)

  @impl true
  def init(opts), do: {:ok, %{cents: 0, currency: Keyword.get(opts, :currency, :eur), tips: []}}

  @impl true
  def handle_call(%Shop.Receipt{cents: cents} = receipt, _from, till) do
    {:reply, %{receipt | status: :paid}, %{till | cents: till.cents + cents}}
  end

  def handle_call(:total, _from, till), do: {:reply, {:ok, till.cents}, till}
  def handle_call({:rate, :eur}, _from, till), do: {:reply, {:ok, 100}, till}
  def handle_call({:rate, _other}, _from, till), do: {:reply, {:error, :no_such_currency}, till}
  def handle_call({:report, opts}, _from, till), do: {:reply, report(till, opts), till}
  def handle_call({:think, ms}, _from, till), do: {:reply, Process.sleep(ms), till}

  @impl true
  def handle_cast({:tip, from, cents}, till), do: {:noreply, %{till | tips: [{from, cents} | till.tips]}}
  def handle_cast(:close, till), do: {:stop, {:shutdown, :closing_time}, till}

  @impl true
  def handle_info({:ring, from, ref}, till) do
    send(from, {:ding, ref})
    {:noreply, till}
  end

  defp report(till, opts) do
    tips = if opts[:tips], do: Map.new(till.tips), else: %{}
    %{total: till.cents, currency: till.currency, tips: tips}
  end
end
