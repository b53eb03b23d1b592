#!/bin/sh
# export-sources.sh FOLDER [VERSION]: copies the checkout's tracked files to FOLDER, as what packages are built from.
#
# Files are as they are in the work tree, so that changes can be tried before they are committed; what git does not track stays behind. All
# bear the time of the last commit, so that a package has the same bytes whenever and wherever it is built. VERSION takes the place of the
# project's own: for tests of an upgrade.
set -eu

folder=$1
version=${2:-}
cd "$(dirname "$0")/.."
git rev-parse --is-inside-work-tree >/dev/null
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

mkdir -p "$folder"
git ls-files -z | tar --create --null --files-from=- --mtime="@$SOURCE_DATE_EPOCH" | tar --extract --directory="$folder"
if [ -n "$version" ]; then
        sed -i "s/^project(restmark VERSION [0-9.]*/project(restmark VERSION $version/" "$folder/CMakeLists.txt"
        sed -i "1s/(.*)/($version)/" "$folder/packaging/debian/changelog"
        sed -i "s/^Version:.*/Version: $version/; s/^\(\* .* - \)[0-9.]*-1$/\1$version-1/" "$folder/packaging/rpm/restmark.spec"
        sed -i "s/^__version__ = .*/__version__ = \"$version\"/" "$folder/bench/restmark_rig/__init__.py"
        for file in CMakeLists.txt packaging/debian/changelog packaging/rpm/restmark.spec bench/restmark_rig/__init__.py; do
                touch -d "@$SOURCE_DATE_EPOCH" "$folder/$file"
        done
fi
# The time, for the caller's build.
echo "$SOURCE_DATE_EPOCH"
