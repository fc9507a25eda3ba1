"""What is shown of a traced network: tables, drawings, descriptions, figures."""
