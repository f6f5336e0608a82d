#!/bin/sh
# Looks at the pages of `report` in a browser (Debian's chromium): nothing in the console, nothing wider than
# the window, and a print of whole pages. Says that it was skipped where there is no chromium.
#
# integration/report.sh [FILE.html...]; without files the golden ones.
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
    echo "$page: looked at 360, 794 and 1280 pixels, and printed"
done
exit $bad
