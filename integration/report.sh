#!/bin/sh
# Looks at the pages of `report` in a browser (Debian's chromium): nothing in the console, nothing wider than
# the window, a print of whole pages, and nothing that axe-core finds fault with, in light and in dark. Says that
# it was skipped where there is no chromium, and that axe-core was where npm's registry does not give it.
#
# integration/report.sh [FILE.html...]; without files the golden ones. UPDATE_SCREENSHOTS=1 renews those of the
# documents.
set -eu

cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null 2>&1; then
    echo "skipped: no chromium"
    exit 0
fi
[ $# -gt 0 ] || set -- tests/evidence/golden/report.en.html tests/evidence/golden/report.de.html

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
browse() {
    # Pages of a folder of its own may look into each other, so that the measuring one can measure.
    HOME="$folder" timeout 60 chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
        --allow-file-access-from-files --user-data-dir="$folder/profile" --virtual-time-budget=5000 "$@"
}

# The accessibility check, of a certain version.
axe=target/tools/axe-core-4.10.3/package/axe.min.js
if [ ! -e "$axe" ]; then
    (mkdir -p "${axe%/package/*}" && cd "${axe%/package/*}" \
        && npm pack --silent axe-core@4.10.3 >/dev/null && tar -xzf axe-core-*.tgz) 2>/dev/null || true
fi
[ -e "$axe" ] && cp "$axe" "$folder/axe.js" || echo "skipped: axe-core cannot be had (npm pack axe-core)"

# What axe-core says of the page; of a copy that lets its script in.
judge() {
    sed 's/<meta http-equiv="Content-Security-Policy"[^>]*>//' "$folder/page.html" >"$folder/judged.html"
    grep -q Content-Security-Policy "$folder/judged.html" && { echo "BAD no copy that lets scripts in"; return 1; }
    cat >>"$folder/judged.html" <<'END'
<script src="axe.js"></script><script>
for (const fold of document.querySelectorAll("details")) fold.open = true;
axe.run(document).then(found => {
    const said = document.createElement("pre");
    for (const {id, help, nodes} of found.violations)
        said.textContent += `BAD ${id}: ${help}: ${nodes[0].html.slice(0, 120).replaceAll("\n", " ")}\n`;
    said.textContent += `JUDGED by ${found.passes.length} rules\n`;
    document.body.append(said);
});
</script>
END
    browse "$@" --dump-dom "file://$folder/judged.html" >"$folder/judgement" 2>/dev/null || true
    ! grep -ao 'BAD [^$].*' "$folder/judgement" | grep -v 'textContent' || return 1
    grep -aq 'JUDGED by [1-9]' "$folder/judgement" || { echo "BAD nothing was judged"; return 1; }
}

bad=0
for page; do
    cp "$page" "$folder/page.html"
    cat >"$folder/measure.html" <<'END'
<!DOCTYPE html><meta charset="utf-8"><body><pre id="found"></pre><script>
const found = document.getElementById("found");
let left = 3;
for (const width of [360, 794, 1280]) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width:${width}px;height:900px;border:0`;
    frame.onload = () => {
        const page = frame.contentDocument;
        for (const fold of page.querySelectorAll("details")) fold.open = true;
        const root = page.documentElement;
        if (root.scrollWidth > width) found.textContent += `BAD ${root.scrollWidth} wide at ${width}\n`;
        for (const one of page.querySelectorAll("main > *, section > *")) {
            const right = one.getBoundingClientRect().right;
            if (right > width + 1) found.textContent += `BAD ${one.tagName} ends at ${right} of ${width}\n`;
        }
        const unnamed = [...page.querySelectorAll('svg[role="img"]')].filter(it => !it.querySelector("title"));
        if (unnamed.length) found.textContent += `BAD ${unnamed.length} drawings without a title\n`;
        const bare = [...page.querySelectorAll("th")].filter(it => !it.scope);
        if (bare.length) found.textContent += `BAD ${bare.length} heads without a scope\n`;
        if (!--left) found.textContent += "MEASURED\n";
    };
    frame.src = "page.html";
    document.body.append(frame);
}
</script>
END
    browse --dump-dom "file://$folder/measure.html" >"$folder/dom" 2>/dev/null || true
    browse --enable-logging=stderr --dump-dom "file://$folder/page.html" >/dev/null 2>"$folder/console" || true
    browse --no-pdf-header-footer --print-to-pdf="$folder/page.pdf" "file://$folder/page.html" >/dev/null 2>&1 || true
    grep -ao 'BAD [^$].*' "$folder/dom" && bad=1
    grep -aq MEASURED "$folder/dom" || { echo "BAD nothing was measured"; bad=1; }
    grep -a CONSOLE "$folder/console" && bad=1
    [ "$(head -c 5 "$folder/page.pdf" 2>/dev/null)" = "%PDF-" ] || { echo "BAD no print"; bad=1; }
    if [ -e "$folder/axe.js" ]; then
        judge || bad=1
        judge --blink-settings=preferredColorScheme=0 || bad=1
    fi
    echo "$page: looked at 360, 794 and 1280 pixels, and printed"
done
if [ -n "${UPDATE_SCREENSHOTS-}" ]; then
    cp tests/evidence/golden/report.en.html "$folder/page.html"
    for scheme in dark light; do
        colours=$([ "$scheme" = dark ] && echo 0 || echo 1)
        browse --blink-settings=preferredColorScheme="$colours" --window-size=1000,1150 \
            --screenshot="docs/report-$scheme.png" "file://$folder/page.html" >/dev/null 2>&1
    done
fi
exit $bad
