# Which sections of a relocatable object a linker can only keep or drop together: those that are reached from the same exported
# symbols. Each export is a root; so is each replaceable default (HAL_*), and a call through its symbol is not followed,
# because a firmware's own definition cuts it.
#
#   awk -f section-groups.awk EXPORTS REPLACEABLE SECTIONS SYMBOLS RELOCATIONS
#
# The first two are lists of names, the others what `readelf --wide` prints with --section-headers, --symbols and --relocs.
# Prints arguments for objcopy that give the sections of a group one name, ".text.iot_sdk.7" or the like.

function hex(text,    i, value) {
    value = 0
    text = tolower(text)
    sub(/^0x/, "", text)
    for (i = 1; i <= length(text); i++) {
        value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
    }
    return value
}

# The part of a name that says what kind of section it is, or "" if it keeps its name: sections whose equal constants a linker
# merges, each with its own size and alignment of these.
function kind(name) {
    if (name in mergeable) {
        return ""
    }
    if (match(name, /^\.(text\.unlikely|text|rodata|data\.rel\.ro|data|bss|tdata|tbss|gcc_except_table)\./)) {
        return substr(name, 1, RLENGTH)
    }
    return ""
}

function edge(from, to) {
    if (from != to && !((from, to) in known)) {
        known[from, to] = 1
        edges[from] = edges[from] " " to
    }
}

# Marks what can be reached from the sections in `list`.
function mark(list,    count, queue, i, j, targets, n) {
    count = split(list, queue, " ")
    for (i = 1; i <= count; i++) {
        if (queue[i] in reached) {
            continue
        }
        reached[queue[i]] = 1
        n = split(edges[queue[i]], targets, " ")
        for (j = 1; j <= n; j++) {
            if (!(targets[j] in reached)) {
                queue[++count] = targets[j]
            }
        }
    }
}

# Splits every group into the sections that have just been reached and the others.
function refine(    section, key) {
    delete split_group
    for (section in group) {
        key = group[section] "," (section in reached)
        if (!(key in split_group)) {
            split_group[key] = ++groups
        }
        group[section] = split_group[key]
    }
    delete reached
}

FNR == 1 { file++ }

file == 1 { exported[$1] = 1; next }
file == 2 { replaceable[$1] = 1; next }

# "  [ 5] .rela.text.x RELA 0000000000000000 1abc10 000030 18 I 4447 4 8": the flags stand in the eighth column, or there is none
file == 3 && /^ *\[ *[0-9]+\] / {
    sub(/^ *\[ */, "")
    sub(/\]/, "")
    if ($3 ~ /^RELA?$/) {
        patched[hex($5)] = $(NF - 1) # by offset in the file, which the list of relocations names
    } else if ($1 > 0) {
        section_name[$1] = $2
        if (NF == 11 && $8 ~ /M/) {
            mergeable[$2] = 1
        }
        if ($2 ~ /^\.ARM\.exidx/) {
            indexed = 1
        }
        group[$1] = 0
        last = $1 + 0
    }
    next
}

# "   17: 0000000000000000   123 FUNC    LOCAL  DEFAULT  5 name"
file == 4 && $1 ~ /^[0-9]+:$/ {
    number = $1 + 0
    if ($7 ~ /^[0-9]+$/) {
        place[number] = $7
        if ($8 in replaceable) {
            cut[number] = 1
        }
        if ($8 in exported) {
            roots[++root_count] = $7
        }
    }
    next
}

# "Relocation section '.rela.text.x' at offset 0x1abc10 contains 2 entries:"
file == 5 && /^Relocation section / {
    match($0, /at offset 0x[0-9a-f]+/)
    from = patched[hex(substr($0, RSTART + 12, RLENGTH - 12))]
    unwinder = section_name[from] ~ /^\.eh_frame/
    previous = 0
    next
}
# "0000000000000012  0000001100000002 R_X86_64_PC32 …": the symbol's number is the upper half of the second column, and on
# 32-bit machines all but its last two digits.
file == 5 && $1 ~ /^[0-9a-f]+$/ && $2 ~ /^[0-9a-f]+$/ {
    number = hex(substr($2, 1, length($2) == 16 ? 8 : length($2) - 2))
    if (!(number in place) || number in cut && !unwinder) {
        next
    }
    to = place[number]
    if (!unwinder) {
        edge(from, to)
    } else if (section_name[to] ~ /^\.gcc_except_table/) {
        edge(previous, to) # the table of the function whose entry this is
    } else {
        previous = to
    }
}

END {
    # What is there in any case.
    for (section in group) {
        if (section_name[section] ~ /^\.(init|fini|preinit)_array/) {
            always = always " " section
        }
    }
    mark(always)
    refine()
    for (i = 1; i <= root_count; i++) {
        mark(roots[i])
        refine()
    }
    for (section = 1; section <= last; section++) { # in their order, so that the numbers do not depend on the awk
        if (!(section in group)) {
            continue
        }
        name = section_name[section]
        prefix = kind(name)
        if (indexed && prefix ~ /^\.text/) {
            continue # on 32-bit ARM an index in the order of addresses belongs to each section of code
        }
        if (prefix != "" && !(name in done)) {
            done[name] = 1
            if (!(group[section] in number_of)) {
                number_of[group[section]] = ++numbers
            }
            print "--rename-section=" name "=" prefix "iot_sdk." number_of[group[section]]
        }
    }
}
