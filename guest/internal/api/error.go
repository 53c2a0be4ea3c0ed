package api

import (
	"errors"
	"fmt"
	"net/http"
)

// Code is the stable name of a kind of failure.
type Code string

const (
	BadRequest        Code = "bad_request"
	NotFound          Code = "not_found"
	NotConfigured     Code = "not_configured"
	AlreadyConfigured Code = "already_configured"
	Limit             Code = "limit"
	IO                Code = "io"
	NoSpace           Code = "no_space"
	Changed           Code = "changed"
	Failed            Code = "failed"
)

// Error is what a failing call answers.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	cause   error
}

// Errorf makes an Error; a %w in format becomes its cause.
func Errorf(code Code, format string, arguments ...any) *Error {
	err := fmt.Errorf(format, arguments...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.cause }

// AsError returns err as an Error, of code failed where it is none.
func AsError(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Code: Failed, Message: err.Error(), cause: err}
}

// Status is the HTTP status that goes with the code.
func (c Code) Status() int {
	switch c {
	case BadRequest:
		return http.StatusBadRequest
	case NotFound:
		return http.StatusNotFound
	case NotConfigured, AlreadyConfigured, Changed:
		return http.StatusConflict
	case Limit:
		return http.StatusServiceUnavailable
	case NoSpace:
		return http.StatusInsufficientStorage
	case IO, Failed:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}
