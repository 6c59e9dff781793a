# Criterion's report as a table: time, and the ratio to the first benchmark of the same group. Ratios
# of one run can be compared between machines, times cannot.
#
#   cargo bench … | awk -f benches/table.awk

function nanoseconds(value, unit) {
    if (unit == "ps") return value / 1000
    if (unit == "ns") return value
    if (unit == "ms") return value * 1000000
    if (unit == "s") return value * 1000000000
    return value * 1000 # µs, in either spelling of the µ
}

# A short name stands before its time, a long one on the line before.
/time: +\[/ {
    name = $0
    sub(/ *time: +\[.*/, "", name)
    if (name == "") name = previous
    if (name ~ /change:$/) next # against a run before: not this run's
    times = $0
    sub(/.*time: +\[/, "", times)
    split(times, part, " ")
    time = nanoseconds(part[3], part[4])
    group = name
    sub(/\/.*/, "", group)
    if (group != last) {
        first = time
        last = group
    }
    row[++rows] = sprintf("%-44s %12.1f ns %10.2f", name, time, time / first)
    next
}

{ previous = $0; print }

END {
    printf "\n%-44s %15s %10s\n", "benchmark", "time", "ratio"
    for (i = 1; i <= rows; i++) print row[i]
    exit rows == 0 # nothing was measured
}
