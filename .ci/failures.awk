# What the log of a failed step says of its failures. First the processes that died, which no test names: the line of the runner with the
# signal and the file that ran. Then the words and the native stack of Node and V8, and failed tests and errors by their names.
{ gsub(/\033\[[0-9;]*m/, "") }
/Worker exited unexpectedly/ { died = died $0 "\n"; next }
/FATAL ERROR:|# Fatal error|Native stack trace|Segmentation fault|core dumped/ { keep(24) }
/^ *(FAIL|✗|not ok|[A-Za-z]*Error:) / { keep(4) }
left > 0 && kept < 60 { rest = rest $0 "\n"; left--; kept++ }
END { printf "%s%s", died, rest }
function keep(lines) { if (left < lines) left = lines }
