// SPDX-License-Identifier: Apache-2.0

// Package compiletest shows what the compiler proves about messages. Its subfolders are one small shop in three packages:
// shopapi has the messages and the interface that their handlers need, shop the server, client a user that imports only
// the API. The programs in testdata must not compile.
package compiletest
