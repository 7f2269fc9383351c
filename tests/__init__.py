import pytest

# Before their first import, or pytest cannot explain their assertions.
pytest.register_assert_rewrite("tests.support")
