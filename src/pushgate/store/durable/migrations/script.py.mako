"""${message}"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Expand only: the previous release must keep working on the new schema."""
    ${upgrades if upgrades else "pass"}
