"""What is checked beside the code: the contract, workflows, migrations, and what ships."""
