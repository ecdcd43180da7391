"""Names as an archive may have them."""

from hypothesis import strategies as st

from archiveworker.domain.ids import ArchivePath

_parts = st.text(
    st.one_of(st.characters(exclude_categories=("Cs", "Cc")), st.sampled_from("abcXYZ 019._-üß字🎓")), max_size=120
)
paths = st.lists(_parts, min_size=1, max_size=6).map(lambda parts: ArchivePath.sanitised(*parts))
digests = st.binary(min_size=32, max_size=32)
