using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Engine.Cli;

/// <summary>The root of the command line: all subcommands, and help that ends with examples.</summary>
internal sealed class EngineCommand : RootCommand
{
    private static readonly string[] RootExamples =
        ["engine train", "engine train --data fashion-mnist --epochs 3 --lr 0.1 --schedule cosine", "engine check --device cpu", "engine train --help"];

    public EngineCommand(CommandOutput output) : base("Trains, evaluates, checks and measures residual networks.")
    {
        Add(new TrainCommand(output));
        Add(new EvalCommand(output));
        Add(new PredictCommand(output));
        Add(new ConvertCommand(output));
        Add(new StudyCommand(output));
        Add(new ReproduceCommand(output));
        Add(new CheckCommand(output));
        Add(new BenchCommand(output));
        Add(new InfoCommand(output));
        Add(new ExportCommand(output));
        Add(new DoctorCommand(output));
        Add(new DataCommand(output));
        HelpOption help = Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        SetAction(arguments => new HelpAction().Invoke(arguments));
    }

    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = help.Invoke(parseResult);
            TextWriter output = parseResult.InvocationConfiguration.Output;
            IReadOnlyList<string> examples = parseResult.CommandResult.Command switch
            {
                Subcommand command => command.Examples,
                RootCommand => RootExamples,
                Command group => [.. group.Subcommands.OfType<Subcommand>().SelectMany(c => c.Examples)],
            };
            output.WriteLine("Examples:");
            foreach (string example in examples)
            {
                output.WriteLine($"  {example}");
            }

            return code;
        }
    }
}
