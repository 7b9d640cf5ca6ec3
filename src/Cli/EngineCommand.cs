using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Engine.Cli;

/// <summary>The root of the command line: all subcommands, and help that ends with examples.</summary>
internal sealed class EngineCommand : RootCommand
{
    private static readonly string[] RootExamples =
        ["engine train", "engine train --data fashion-mnist --epochs 3 --lr 0.1 --schedule cosine", "engine check --device cpu", "engine train --help"];

    public EngineCommand(CommandOutput output) : base("Train, evaluate, verify and measure residual networks.")
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
        Add(new CompletionCommand(this));
        Add(new ManCommand(this));
        Add(new HelpCommand(this));
        HelpOption help = Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        SetAction(arguments => new HelpAction().Invoke(arguments));
    }

    /// <summary>Command lines that show what a command is for.</summary>
    public static IReadOnlyList<string> ExamplesOf(Command command) => command switch
    {
        Subcommand subcommand => subcommand.Examples,
        RootCommand => RootExamples,
        HelpCommand => ["engine help train", "engine help data get"],
        CompletionCommand =>
            ["source <(engine completion bash)", "engine completion zsh > ~/.zfunc/_engine", "engine completion fish | source", "engine completion pwsh | "
                + "Out-String | Invoke-Expression"],
        ManCommand => ["engine man > engine.1", "man ./engine.1"],
        _ => [.. command.Subcommands.SelectMany(ExamplesOf)],
    };

    private sealed class HelpWithExamples(HelpAction help) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = help.Invoke(parseResult);
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string example in ExamplesOf(parseResult.CommandResult.Command))
            {
                output.WriteLine($"  {example}");
            }

            return code;
        }
    }
}
