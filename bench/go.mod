module github.com/banyan-go/banyan/bench

go 1.26

require github.com/banyan-go/banyan v0.0.0

replace github.com/banyan-go/banyan => ../
