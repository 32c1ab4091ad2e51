"""The list of meters as a workbook: written out, edited, looked at, applied, rolled back."""
