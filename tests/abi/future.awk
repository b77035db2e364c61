# future.awk: today's headers -> headers of a later minor version: every struct and table that begins with
# its size gets three slots more at its end. What begins with `size` and may never grow says so in
# the comment above it.
/never grows/ { fixed = 1 }
/^(typedef )?struct [a-z_]+ \{/ { inside = 1; grows = 0 }
inside && /^    uint32_t size;/ { grows = 1 }
inside && /^}/ {
    if (grows && !fixed)
        print "    void (*kaon_future[3])(void);"
    inside = 0
    fixed = 0
}
{ print }
