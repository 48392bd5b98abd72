"""Files of clicks, in the forms people have them, to records of the input topics.

Every input row becomes exactly one `Row`: a record for a topic, or a named reason why not.
Decoding and validation stay with the consumer of the topic: a row that breaks the contract is
written as it is and ends in `dead-letters`, as it would from a live frontend.
"""

from orchestrator.adapters.importers.formats import FORMATS, read
from orchestrator.adapters.importers.rows import Row

__all__ = ["FORMATS", "Row", "read"]
