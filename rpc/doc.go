// SPDX-License-Identifier: Apache-2.0

// Package rpc calls functions on other nodes, and answers such calls: Erlang's rpc and erpc, both ways.
//
// A node answers what it has registered, and nothing else:
//
//	srv, err := rpc.Start(node,
//		rpc.Func2("math", "add", func(ctx context.Context, a, b int) (int, error) { return a + b, nil }),
//	)
//
// On an Erlang node erpc:call('go@host', math, add, [1, 2]) then gives 3, and so do rpc:call, rpc:block_call,
// erpc:multicall, erpc:send_request and their like. Go calls functions of Erlang nodes, of Banyan nodes and of its own
// node by the same line:
//
//	n, err := rpc.Call[int](ctx, "er@host", "lists", "sum", []int{1, 2, 3})
//
// [Async] goes on meanwhile, [MultiCall] asks many nodes and yields what they answer as it arrives, [Cast] does not wait.
// [RegisterErlang] adds the functions that operators and tools of Erlang's world ask a node for.
//
// # Names and types
//
// A function has an Erlang name: module, function and number of arguments. Arguments and results travel by the rules of
// package etf. An argument that does not fit its Go type never reaches the function.
//
// A visible node with package global is asked by Erlang nodes, over rpc, which process keeps a name that two have registered.
// As soon as an rpc server runs it answers all calls, so it must know that one too, or names that clash are lost:
//
//	rpc.Func4("global", "resolve_it", global.ResolveIt)
//
// # Errors
//
// What a function returns beside its result, as its caller sees it:
//
//	Go                       erpc:call                                        rpc:call
//	nil                      the result                                       the result
//	Throw(V)                 throw: V                                         V
//	Exit(err)                exit: {exception, R}                             {badrpc, {'EXIT', R}}
//	a *banyan.TermError      error: {exception, Term, Stack}                  {badrpc, {'EXIT', {Term, Stack}}}
//	a registered error       error: {exception, Code, Stack}                  {badrpc, {'EXIT', {Code, Stack}}}
//	any other error          error: {exception, {go_error, <<"text">>}, Stack}
//	a panic                  error: {exception, {panic, <<"value">>, <<"Go stack">>}, Stack}, Stack with file and line
//	BadArg, or a misfit      error: {exception, badarg, [{M, F, Args, [{error_info, Info}]}]}
//	no such function         error: {exception, undef, [{M, F, Args, []}]}
//	too many calls           error: {erpc, system_limit}                      {badrpc, system_limit}
//	its process is ended     exit: {signal, R}                                {badrpc, {'EXIT', R}}
//
// Info of a badarg is #{argument => 2, cause => <<"argument 2: want int, got two">>}: it stands where OTP's own functions
// explain their badargs, so that code which matches badarg matches this one, and people see the reason.
//
// At a Go caller all of these are an [*Error], through which errors.Is and errors.As see what the reason means in Go.
//
// # Concurrency
//
// Each call runs in a process and goroutine of its own, at most [MaxCalls] at a time. A function may block. block_calls run
// one after the other. All of a [Server], a [Future] and this package's functions may be used from anywhere.
//
// # Guarantees
//
//   - Nothing can be called but what was registered: whoever knows the cookie can call that, and no more.
//   - A call has exactly one outcome, in a MultiCall too, and a dead node holds up nobody else.
//   - A panic in a function ends its call and nothing else.
//   - The functions of a node get copies of what its own callers give them, and these get copies of the results.
//
// # Not guaranteed
//
// That a call that timed out, or lost its node, did not run: the function may have run, or go on. That a Cast arrives. That a
// function stops when its caller is gone: it sees that by its own means.
//
// # Costs
//
// A call is one message each way, a process on the serving side and none on the calling one. See the package's benchmarks.
package rpc
