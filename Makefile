# Every target is one script of scripts/, which also works alone from any folder.
.DEFAULT_GOAL := help
.PHONY: run test faults check bench story generate sbom clean help
run: ; @scripts/run ## set up and run the platform with its demo plant (PHONE=1: for phones on the LAN)
test: ; @scripts/test ## set up and run all tests
faults: ; @scripts/faults ## 100 random faults on the whole product; nothing lost, nothing twice
check: ; @scripts/check ## format, lint, types, walls, licences, generated files
bench: ; @scripts/bench ## measure; one JSON object a line
story: ; @scripts/story ## replay the demo's story on the running platform
generate: ; @scripts/generate ## write all generated files anew
sbom: ; @scripts/sbom ## write the bill of materials (CycloneDX) to dist/kilowise.cdx.json
clean: ; @scripts/clean ## remove what set-up and tests made; data stays
help: ; @scripts/help ## this list
