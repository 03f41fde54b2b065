# cargo metadata -> CycloneDX 1.5.

($checksums | split("\n") | map(split(" ") | {(.[0]): .[1]}) | add) as $sums
| (.packages | map({(.id): .}) | add) as $packages
| (.resolve.nodes | map({(.id): .}) | add) as $nodes
| .resolve.root as $root

# Dependencies of the tests are in no build.
| def needed($kinds): $nodes[.].deps | map(select(any(.dep_kinds[]; .kind as $kind | $kinds | index([$kind]))) | .pkg);
  def reached($start; $kinds):
    {seen: {}, next: $start}
    | until(.next == []; .seen as $seen
        | (.next | map(select($seen[.] | not)) | unique) as $new
        | {seen: ($seen + ($new | map({(.): true}) | add // {})), next: ($new | map(needed($kinds)) | add // [])})
    | .seen;
  def purl: "pkg:cargo/\(.name)@\(.version)";

  reached([$root]; [null]) as $linked
| reached([$root]; [null, "build"]) as $all
| ($all | keys | map(select(. != $root)) | map($packages[.]) | sort_by(.name, .version)) as $crates
| {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
        timestamp: $when,
        component: ($packages[$root] | {
            type: "application",
            "bom-ref": purl,
            name, version, description,
            licenses: [{expression: .license}],
            purl: purl,
            properties: [{name: "tighten:target", value: $target}]
        })
    },
    components: ($crates | map({
        type: "library",
        "bom-ref": purl,
        name, version,
        # What only makes the build is not in the program.
        scope: (if $linked[.id] then "required" else "excluded" end),
        purl: purl,
        licenses: (if .license then [{expression: (.license | gsub("/"; " OR "))}] else [] end),
        hashes: ($sums["\(.name)@\(.version)"] | if . then [{alg: "SHA-256", content: .}] else [] end)
    })),
    dependencies: ($all | keys | map({
        ref: ($packages[.] | purl),
        dependsOn: (needed([null, "build"]) | map($packages[.] | purl) | unique)
    }) | sort_by(.ref))
}
