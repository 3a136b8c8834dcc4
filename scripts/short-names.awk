# Shorter names for the local symbols of code that is not ours, as arguments for objcopy.
#
#   awk -f short-names.awk SYMBOLS        what `readelf --wide --symbols` prints
#
# Mangled names of generic code of the standard library take more room than the code. They become
# "hashbrown.reserve_rehash.17": crate, function or the module around it, and a number. For a profiler, a debugger or
# valgrind every function still has its own name; those of this crate keep theirs in full.

# The first path in a mangled name, as "crate.last": legacy names are "_ZN" and the parts with their lengths.
function legacy(name,    crate, last, length_, part) {
    name = substr(name, 4)
    while (match(name, /^[0-9]+/)) {
        length_ = substr(name, 1, RLENGTH) + 0
        part = substr(name, RLENGTH + 1, length_)
        name = substr(name, RLENGTH + 1 + length_)
        if (part ~ /^h[0-9a-f]+$/ && length_ == 17) {
            break # the hash
        }
        if (crate == "") {
            sub(/^_?\$[A-Z]+\$/, "", part) # "_$LT$alloc..string..String$u20$as…": a method of a trait
            crate = part
            sub(/[^a-z0-9_].*/, "", crate)
        }
        if (part !~ /\$/) {
            last = part
        }
    }
    return crate "." last
}

# Names of version 0 are a tree; its first path is in the first run of parts behind a crate's "Cs…_".
function version_0(name,    crate, last, length_, part) {
    if (!match(name, /Cs[0-9A-Za-z]+_[0-9]/)) {
        return "rust"
    }
    name = substr(name, RSTART + RLENGTH - 1)
    while (match(name, /^(0|[1-9][0-9]*_?)/)) { # "0": a part without a name, such as a closure
        length_ = substr(name, 1, RLENGTH) + 0
        part = substr(name, RLENGTH + 1, length_)
        name = substr(name, RLENGTH + 1 + length_)
        if (crate == "") {
            crate = part
        }
        if (part != "") {
            last = part
        }
    }
    return crate "." last
}

# "   17: 0000000000000000   123 FUNC    LOCAL  DEFAULT  5 name"
$1 ~ /^[0-9]+:$/ && $7 ~ /^[0-9]+$/ && NF == 8 && !($8 in seen) {
    seen[$8] = 1
    if ($8 ~ /^\.L/) {
        label = ".L"
    } else if ($8 ~ /iotx_coap/) {
        next
    } else if ($8 ~ /^_ZN/) {
        label = legacy($8) "."
    } else if ($8 ~ /^_R/) {
        label = version_0($8) "."
    } else {
        next
    }
    print "--redefine-sym=" $8 "=" label (++number[label])
}
