// Proofs and checkpoints by somebody else's hand: Go's golang.org/x/mod/sumdb/{tlog,note}.
//
//	go run . record                       what ledger/tests/data/tlog.txt holds
//	go run . verify VKEY CHECKPOINTS      each checkpoint's signature
//	go run . prove VKEY PROOF HASH         a .tlog-proof of the entry with this hash
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// hashes keeps the hashes that tlog stores.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, h[index])
	}
	return found, nil
}

// entry is the hash of an entry in the tests.
func entry(number int64) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "entry %d", number))
	return sum[:]
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// record prints a digest of the root and of all proofs of each size to 300, and the roots of large trees.
func record() {
	var stored hashes
	for size := int64(1); size <= 100_000; size++ {
		stored = append(stored, must(tlog.StoredHashes(size-1, entry(size), stored))...)
		large := size == 1000 || size == 4096 || size == 65_535 || size == 100_000
		if size > 300 && !large {
			continue
		}
		root := must(tlog.TreeHash(size, stored))
		if large {
			fmt.Printf("root %d %x\n", size, root[:])
			continue
		}
		all := append([]byte{}, root[:]...)
		for index := int64(0); index < size; index++ {
			proof := must(tlog.ProveRecord(size, index, stored))
			if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry(index+1))); err != nil {
				log.Fatal(err)
			}
			all = append(all, 'i')
			for _, part := range proof {
				all = append(all, part[:]...)
			}
		}
		for old := int64(1); old <= size; old++ {
			proof := must(tlog.ProveTree(size, old, stored))
			if err := tlog.CheckTree(proof, size, root, old, must(tlog.TreeHash(old, stored))); err != nil {
				log.Fatal(err)
			}
			all = append(all, 'c')
			for _, part := range proof {
				all = append(all, part[:]...)
			}
		}
		fmt.Printf("all %d %x\n", size, sha256.Sum256(all))
	}
}

// open gives the size and the root of a signed checkpoint.
func open(vkey, signed string) (int64, tlog.Hash, string) {
	verifier := must(note.NewVerifier(vkey))
	opened := must(note.Open([]byte(signed), note.VerifierList(verifier)))
	lines := strings.Split(opened.Text, "\n")
	size := must(strconv.ParseInt(lines[1], 10, 64))
	var root tlog.Hash
	copy(root[:], must(base64.StdEncoding.DecodeString(lines[2])))
	return size, root, lines[0]
}

// split gives the notes of a file of checkpoints: each ends with its signature and an empty line.
func split(text string) []string {
	var notes []string
	lines := strings.SplitAfter(text, "\n")
	for len(lines) >= 5 {
		notes = append(notes, strings.Join(lines[:5], ""))
		lines = lines[5:]
		if len(lines) > 0 && lines[0] == "\n" {
			lines = lines[1:]
		}
	}
	return notes
}

func main() {
	log.SetFlags(0)
	switch os.Args[1] {
	case "record":
		record()
	case "verify":
		for _, signed := range split(string(must(os.ReadFile(os.Args[3])))) {
			size, root, origin := open(os.Args[2], signed)
			fmt.Printf("%s %d %x\n", origin, size, root[:])
		}
	case "prove":
		proof := string(must(os.ReadFile(os.Args[3])))
		body, signed, _ := strings.Cut(proof, "\n\n")
		size, root, _ := open(os.Args[2], signed)
		var index int64
		var path tlog.RecordProof
		for _, line := range strings.Split(body, "\n")[1:] {
			if number, ok := strings.CutPrefix(line, "index "); ok {
				index = must(strconv.ParseInt(number, 10, 64))
			} else if !strings.HasPrefix(line, "extra ") {
				var part tlog.Hash
				copy(part[:], must(base64.StdEncoding.DecodeString(line)))
				path = append(path, part)
			}
		}
		leaf := must(hex.DecodeString(os.Args[4]))
		if err := tlog.CheckRecord(path, size, root, index, tlog.RecordHash(leaf)); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("entry %d is in the tree of %d\n", index+1, size)
	}
}
