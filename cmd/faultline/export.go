package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"faultline/analysis/declare"
)

func newExportCommand() *cobra.Command {
	return group("export", "Write what a running Faultline knows for other tools", newExportDependenciesCommand())
}

func newExportDependenciesCommand() *cobra.Command {
	from, format, hub := runningURL(), "json", ""
	cmd := &cobra.Command{
		Use:   "dependencies",
		Short: "Write which dependencies are hard, soft or partial, to standard output",
		Long: `Write which dependencies are hard, soft or partial, to standard output, as a list that --declarations of faultline up
reads: JSON or CSV with the columns caller, operation, callee, criticality, basis, comment and by.

With --resilience-hub FILE, where FILE is what "aws resiliencehubv2 list-dependencies" prints, write instead one request of
UpdateDependency a line for every dependency in it on which there is a verdict, HARD or SOFT.`,
		Example: `  faultline export dependencies --format csv > criticality.csv
  aws resiliencehubv2 list-dependencies --service-arn "$ARN" > hub.json
  faultline export dependencies --resilience-hub hub.json |
    while read -r request; do aws resiliencehubv2 update-dependency --cli-input-json "$request"; done`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&from, "from", from, "base URL of the running Faultline (variable: FAULTLINE_URL)")
	cmd.Flags().StringVar(&format, "format", format, "json or csv")
	cmd.Flags().StringVar(&hub, "resilience-hub", hub, "`file` with the dependencies that AWS Resilience Hub lists")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if format != "json" && format != "csv" {
			return fmt.Errorf("--format is %q and must be json or csv", format)
		}
		base := strings.TrimSuffix(from, "/")
		var list []declare.Declaration
		if err := fetch(cmd.Context(), base+"/api/v1/export/dependencies", &list); err != nil {
			return unanswered(base, "--from", err)
		}
		switch {
		case hub != "":
			text, err := os.ReadFile(hub)
			if err != nil {
				return err
			}
			n, err := declare.WriteHub(cmd.OutOrStdout(), text, list)
			if err == nil && n == 0 {
				err = fmt.Errorf("%s: there is no verdict on any dependency in it", hub)
			}
			return err
		case format == "csv":
			return declare.WriteCSV(cmd.OutOrStdout(), list)
		}
		return declare.WriteJSON(cmd.OutOrStdout(), list)
	}
	return cmd
}
