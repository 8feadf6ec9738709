// SPDX-License-Identifier: Apache-2.0

// Package index is what the demo computes, without any process: an inverted index of a tree of text files. For each word
// it holds in which files the word stands, and how often.
//
// The same index can be made in two ways that share only the tokeniser and the final format:
//
//	plain, err := index.Plain(ctx, dir, w)               // one goroutine, one map, file after file
//
//	plan, err := index.Walk(dir)                         // the list of files, cut into pieces
//	result := index.Compute(piece, first, texts, shards) // any piece, anywhere, in any order, more than once
//	shard.Apply(piece, result.Segments[k])               // one shard takes its part; twice is once
//	index.Merge(w, ...)                                  // all shards together
//
// # What is a word
//
// A run of letters, digits and underscores (Unicode's letters and digits, in UTF-8) that starts with a letter or an
// underscore, in lower case, of at most MaxWord bytes. Longer runs are data, not words. Bytes that are not UTF-8 part words.
//
// # What is a file
//
// Every regular file below the directory. Symbolic links, and directories whose name starts with a dot, are left out. A file
// with a NUL byte among its first 8,000 bytes is binary (git's rule), one over MaxFile bytes is too large: both stand in the
// index's table of files, but no word of theirs is counted. So does a file that could not be read, with the reason.
//
// # Guarantees
//
// All results depend on the content of the files alone: not on who computes, on the order, on the number of shards, or on
// the cut into pieces. Decoding checks every length: a damaged segment is an error, never a panic.
//
// # Concurrency
//
// A Plan is not changed once it is made and may be shared. A Shard belongs to one goroutine.
package index
