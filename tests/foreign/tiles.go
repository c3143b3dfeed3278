// Checks a folder of tiles with the packages note and tlog of Go's checksum database, which know nothing of Conclave.
// Never reads anything but the folder, the verifier key and, where one is given, a file of proofs that ours made.
//
//	tiles FOLDER VERIFIER-KEY [PROOFS]
//
// A line of PROOFS: "record INDEX HASH..." or "tree OLDSIZE OLDROOT HASH...", hashes in base64.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8
const width = 1 << height

type folder string

// The paths of tlog-tiles are those of this package without the height.
func (f folder) file(tile tlog.Tile) string {
	return filepath.Join(string(f), "tile", strings.TrimPrefix(tile.Path(), "tile/8/"))
}

func (f folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(f.file(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func demand(what string, holds bool) {
	if !holds {
		must(what, fmt.Errorf("does not hold"))
	}
}

func main() {
	f := folder(os.Args[1])
	tree := checkpoint(f, os.Args[2])
	reader := tlog.TileHashReader(tree, f)
	if tree.N > 0 {
		root, err := tlog.TreeHash(tree.N, reader)
		must("the root", err)
		demand("the root", root == tree.Hash)
	} else {
		empty, err := tlog.ParseHash("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
		must("the empty root", err)
		demand("the empty root", tree.Hash == empty)
	}
	files := map[string]bool{filepath.Join(string(f), "checkpoint"): true}
	for _, tile := range tlog.NewTiles(height, 0, tree.N) {
		// This version lists a partial tile at every width up to its own; a folder has the one of its size.
		if tile.W < width && int64(tile.W) != tree.N>>uint(tile.L*height)%width {
			continue
		}
		files[f.file(tile)] = true
		_, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(tile.L*height, tile.N*width)})
		must(tile.Path(), err)
		if tile.L == 0 {
			files[entries(f, tile, reader)] = true
		}
	}
	must("the files", filepath.Walk(string(f), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && !files[path] {
			err = fmt.Errorf("%s does not belong there", path)
		}
		return err
	}))
	prove(tree, reader)
	if len(os.Args) > 3 {
		proofs(os.Args[3], tree, reader)
	}
	fmt.Printf("%d entries\n", tree.N)
}

// The note, opened by the verifier key alone.
func checkpoint(f folder, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	must("the key", err)
	bytes, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	must("the checkpoint", err)
	opened, err := note.Open(bytes, note.VerifierList(verifier))
	must("the note", err)
	lines := strings.Split(opened.Text, "\n")
	demand("three lines", len(lines) == 4 && lines[0] == verifier.Name())
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must("the size", err)
	root, err := tlog.ParseHash(lines[2])
	must("the root", err)
	return tlog.Tree{N: size, Hash: root}
}

// Every entry of a tile hashes to its leaf. Gives the file's name.
func entries(f folder, tile tlog.Tile, reader tlog.HashReader) string {
	name := filepath.Join(string(f), "tile", "entries", strings.TrimPrefix(tile.Path(), "tile/8/0/"))
	data, err := os.ReadFile(name)
	must("entries", err)
	var indices []int64
	for i := 0; i < tile.W; i++ {
		indices = append(indices, tlog.StoredHashIndex(0, tile.N*width+int64(i)))
	}
	leaves, err := reader.ReadHashes(indices)
	must("leaves", err)
	for _, leaf := range leaves {
		demand("a length", len(data) >= 2 && len(data) >= 2+int(binary.BigEndian.Uint16(data)))
		end := 2 + int(binary.BigEndian.Uint16(data))
		demand("an entry of "+name, tlog.RecordHash(data[2:end]) == leaf)
		data = data[end:]
	}
	demand("the end of "+name, len(data) == 0)
	return name
}

func leaf(n int64, reader tlog.HashReader) tlog.Hash {
	hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
	must("a leaf", err)
	return hashes[0]
}

// Proofs that Go makes from our tiles.
func prove(tree tlog.Tree, reader tlog.HashReader) {
	for _, n := range []int64{1, 2, 255, 256, 257, tree.N / 2, tree.N - 1, tree.N} {
		if n < 1 || n > tree.N {
			continue
		}
		record, err := tlog.ProveRecord(tree.N, n-1, reader)
		must("a record's proof", err)
		must("a record", tlog.CheckRecord(record, tree.N, tree.Hash, n-1, leaf(n-1, reader)))
		older, err := tlog.TreeHash(n, reader)
		must("an older root", err)
		proof, err := tlog.ProveTree(tree.N, n, reader)
		must("a tree's proof", err)
		must("a tree", tlog.CheckTree(proof, tree.N, tree.Hash, n, older))
	}
}

// Proofs that ours made.
func proofs(name string, tree tlog.Tree, reader tlog.HashReader) {
	file, err := os.Open(name)
	must("the proofs", err)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		n, err := strconv.ParseInt(words[1], 10, 64)
		must("a number", err)
		var hashes []tlog.Hash
		for _, word := range words[2:] {
			hash, err := tlog.ParseHash(word)
			must("a hash", err)
			hashes = append(hashes, hash)
		}
		if words[0] == "record" {
			must("our record", tlog.CheckRecord(hashes, tree.N, tree.Hash, n, leaf(n, reader)))
		} else {
			must("our tree", tlog.CheckTree(hashes[1:], tree.N, tree.Hash, n, hashes[0]))
		}
	}
	must("the proofs", lines.Err())
}
