"""From the experiments' raw records to tables: one module per experiment, records in, pandas tables out."""
