#!/bin/sh
# No coverage report is made: this stands where Bazel expects the program that would merge one.
exit 0
