module github.com/banyan-go/banyan

go 1.26
