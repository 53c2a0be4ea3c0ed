// Package account finds users in /etc/passwd and /etc/group. Package os/user does not know login shells.
package account

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrUnknown is wrapped when there is no such user or group.
var ErrUnknown = errors.New("no such user")

// User is a user as a login needs it.
type User struct {
	Name   string
	UID    uint32
	GID    uint32
	Groups []uint32
	Home   string
	Shell  string
}

const defaultShell = "/bin/sh"

// Lookup finds "name", "uid", "name:group" or "uid:gid" in the files below root ("/" for the running system). A number
// needs no entry, and neither does root.
func Lookup(root, spec string) (User, error) {
	name, group, hasGroup := strings.Cut(spec, ":")
	user, err := findUser(root, name)
	if err != nil {
		return User{}, err
	}
	groups, err := readRecords(filepath.Join(root, "etc/group"), 3)
	if err != nil {
		return User{}, err
	}
	if hasGroup {
		if user.GID, err = findGroup(groups, group); err != nil {
			return User{}, err
		}
	}
	user.Groups = memberships(groups, user)
	return user, nil
}

func findUser(root, name string) (User, error) {
	records, err := readRecords(filepath.Join(root, "etc/passwd"), 6)
	if err != nil {
		return User{}, err
	}
	number, isNumber := parseID(name)
	for _, record := range records {
		uid, ok := parseID(record[2])
		gid, okGroup := parseID(record[3])
		if !ok || !okGroup || (record[0] != name && (!isNumber || uid != number)) {
			continue
		}
		user := User{Name: record[0], UID: uid, GID: gid, Home: record[5], Shell: defaultShell}
		if len(record) > 6 && record[6] != "" {
			user.Shell = record[6]
		}
		if !path.IsAbs(user.Home) {
			user.Home = "/"
		}
		return user, nil
	}
	switch {
	case name == "root" || isNumber && number == 0:
		return User{Name: "root", Home: "/root", Shell: defaultShell}, nil
	case isNumber:
		return User{Name: name, UID: number, GID: number, Home: "/", Shell: defaultShell}, nil
	}
	return User{}, fmt.Errorf("%w: %q", ErrUnknown, name)
}

func findGroup(groups [][]string, name string) (uint32, error) {
	for _, record := range groups {
		if gid, ok := parseID(record[2]); ok && record[0] == name {
			return gid, nil
		}
	}
	if gid, ok := parseID(name); ok {
		return gid, nil
	}
	return 0, fmt.Errorf("%w: group %q", ErrUnknown, name)
}

func memberships(groups [][]string, user User) []uint32 {
	result := []uint32{user.GID}
	for _, record := range groups {
		gid, ok := parseID(record[2])
		if !ok || gid == user.GID || len(record) < 4 {
			continue
		}
		for member := range strings.SplitSeq(record[3], ",") {
			if member == user.Name {
				result = append(result, gid)
				break
			}
		}
	}
	return result
}

// readRecords returns the colon-separated lines of a file that have at least fields fields; none when it is missing.
func readRecords(file string, fields int) ([][]string, error) {
	content, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var records [][]string
	for lines := bufio.NewScanner(content); lines.Scan(); {
		record := strings.Split(lines.Text(), ":")
		if len(record) >= fields && !strings.HasPrefix(record[0], "#") {
			records = append(records, record)
		}
	}
	return records, nil
}

func parseID(text string) (uint32, bool) {
	value, err := strconv.ParseUint(text, 10, 32)
	return uint32(value), err == nil
}
