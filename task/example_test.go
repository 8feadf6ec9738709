// SPDX-License-Identifier: Apache-2.0

package task_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
	"github.com/banyan-go/banyan/task"
)

func quiet() *banyan.Node {
	node, err := banyan.Start("tasks@localhost", banyan.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}
	return node
}

func ExampleAsync() {
	node := quiet()
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())

	answer, err := task.Async(node, func(context.Context) (int, error) { return 6 * 7, nil })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Await(ctx))

	bad, err := task.Async(node, func(context.Context) (int, error) { panic("burnt") })
	if err != nil {
		log.Fatal(err)
	}
	_, err = bad.Await(ctx)
	fmt.Println(errors.Is(err, banyan.ErrDied), err)
	// Output:
	// 42 <nil>
	// true process died in the call: panic: burnt
}

func ExampleStream() {
	node := quiet()
	defer node.Stop(context.Background())
	ctx := node.Context(context.Background())

	words := slices.Values([]string{"a", "bb", "ccc"})
	for n, err := range task.Stream(ctx, node, words, func(_ context.Context, w string) (int, error) { return len(w), nil }) {
		fmt.Println(n, err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
}

func ExampleSupervisor() {
	node := quiet()
	defer node.Stop(context.Background())
	if _, err := supervisor.New("top", supervisor.OneForOne,
		supervisor.Worker("tasks", task.NewSupervisor, supervisor.With(banyan.Name("tasks")))).Start(node); err != nil {
		log.Fatal(err)
	}
	sup := banyan.At[*task.Supervisor]("tasks", "")
	t, err := task.Async(node, func(context.Context) (string, error) { return "done", nil }, task.Under(sup))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(t.Await(node.Context(context.Background())))
	// Output: done <nil>
}
