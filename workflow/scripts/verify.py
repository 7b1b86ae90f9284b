"""Compare the default run with the committed gallery: exit status 0 if every claim agrees."""

import sys
from pathlib import Path

from scalinglaws.agreement import compare_claims
from scalinglaws.store import checksum, load_table

RUN, COMMITTED = Path("results/default/tables"), Path("figures/tables")


def main():
    claims = compare_claims(load_table(RUN / "claims.csv"), load_table(COMMITTED / "claims.csv"))
    print(claims.to_string(index=False, float_format="{:.6g}".format))
    compared = [path.relative_to(RUN) for path in RUN.rglob("*.csv") if (COMMITTED / path.relative_to(RUN)).is_file()]
    same = [table for table in compared if checksum(RUN / table) == checksum(COMMITTED / table)]
    print(
        f"\n{claims.agrees.sum()} of {len(claims)} claims agree; {len(same)} of {len(compared)} tables are identical."
    )
    return 0 if claims.agrees.all() else 1


sys.exit(main())
