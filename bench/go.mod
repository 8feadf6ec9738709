module github.com/banyan-go/banyan/bench

go 1.26

require (
	github.com/banyan-go/banyan v0.0.0
	github.com/puzpuzpuz/xsync/v4 v4.5.0
	github.com/tidwall/btree v1.8.2
)

replace github.com/banyan-go/banyan => ../
